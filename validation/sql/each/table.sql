-- Tables and materialized views that have a heap of their own.
select array[schema, relname] as subject,
       relpages as pages,
       pg_relation_size(oid) / current_setting('block_size')::int as blocks,
       case when relpages > 0 then greatest(reltuples, 0) / relpages else 0 end as rows_a_block,
       coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0) / current_setting('block_size')::int as toast_blocks,
       array[schema, relname] as of,
       identity as "table",
       quote_literal(identity) || '::regclass' as oid
from relations
where relkind in ('r', 'm')
