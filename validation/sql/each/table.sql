-- Tables and materialized views that have a heap of their own.
select array[schema, relname] as subject,
       relpages as pages,
       identity as "table",
       quote_literal(identity) || '::regclass' as oid
from relations
where relkind in ('r', 'm')
