-- Tables that keep values outside of their rows, with the length of all such values of a row.
select array[schema, relname] as subject,
       relpages + pg_relation_size(reltoastrelid) / current_setting('block_size')::int as pages,
       identity as "table",
       (select string_agg(format('coalesce(length(t.%I::text), 0)', a.attname), ' + ' order by a.attnum)
        from pg_attribute a
        where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attstorage <> 'p') as lengths
from relations t
where relkind in ('r', 'm') and reltoastrelid <> 0 and pg_relation_size(reltoastrelid) > 0
