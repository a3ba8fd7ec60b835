-- Tables and materialized views that have a heap of their own.
select array[schema, relname] as subject,
       relpages as pages,
       greatest(relpages, 0) as blocks,
       case when relpages > 0 then greatest(reltuples, 0) / relpages else 0 end as rows_a_block,
       coalesce((select relpages from pg_class where oid = r.reltoastrelid), 0) as toast_blocks,
       array[schema, relname] as of,
       identity as "table",
       quote_literal(identity) || '::regclass' as oid
from relations r
where relkind in ('r', 'm')
