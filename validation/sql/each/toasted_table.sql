-- Tables that keep values outside of their rows, with the length of all such values of a row. Of types of PostgreSQL's
-- own and of extensions alone: the text of any other may be made by a function that the database brought along.
select array[schema, relname] as subject,
       relpages + pg_relation_size(reltoastrelid) / current_setting('block_size')::int as pages,
       greatest(relpages, 0) as blocks,
       case when relpages > 0 then greatest(reltuples, 0) / relpages else 0 end as rows_a_block,
       pg_relation_size(reltoastrelid) / current_setting('block_size')::int as toast_blocks,
       array[schema, relname] as of,
       identity as "table",
       lengths
from relations t
cross join lateral (
  select string_agg(format('coalesce(length(t.%I::text), 0)', a.attname), ' + ' order by a.attnum) as lengths
  from pg_attribute a
  join pg_type y on y.oid = a.atttypid
  where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attstorage <> 'p'
    and (y.typnamespace = 'pg_catalog'::regnamespace or y.typtype = 'd'
         or exists (select from pg_depend d
                    where d.classid = 'pg_type'::regclass and d.objid = y.oid and d.deptype = 'e'))) as readable
where relkind in ('r', 'm') and reltoastrelid <> 0 and pg_relation_size(reltoastrelid) > 0 and lengths is not null
