-- Indexes, those of constraints too. Whether one is valid is a check of its own.
select i.identity, pg_get_indexdef(i.oid) from relations i where i.relkind in ('i', 'I')
