-- What a database that is not empty holds.
select format('%s %I.%I', case c.relkind when 'S' then 'sequence' when 'v' then 'view' else 'table' end, n.nspname, c.relname)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind not in ('i', 'I')
union all
select format('function %I.%I', n.nspname, p.proname)
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
union all
select format('schema %I', nspname) from pg_namespace
where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
union all
select format('extension %I', extname) from pg_extension where extname <> 'plpgsql'
