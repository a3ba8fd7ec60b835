-- Tables with a heap of their own and an index over all of its rows.
select array[schema, relname] as subject, 2 * relpages as pages,
       greatest(relpages, 0) as blocks,
       array[schema, relname] as of,
       identity as "table"
from relations t
where relkind in ('r', 'm')
  and exists (select from pg_index i
              join pg_class x on x.oid = i.indexrelid
              join pg_am a on a.oid = x.relam
              where i.indrelid = t.oid and i.indisvalid and i.indpred is null and a.amname = 'btree')
