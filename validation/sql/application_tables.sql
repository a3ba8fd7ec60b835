-- Tables, and the pieces of statements that would write to each without writing anything.
{own_relations}
select coalesce(jsonb_agg(jsonb_build_object(
         'schema', schema,
         'name', relname,
         'columns', (select string_agg(format('%I', a.attname), ', ' order by a.attnum) from pg_attribute a
                     where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                       and a.attgenerated = '' and a.attidentity <> 'a'),
         'nulls', (select string_agg('null', ', ') from pg_attribute a
                   where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                     and a.attgenerated = '' and a.attidentity <> 'a')
       )), '[]') as tables
from relations t
where relkind in ('r', 'p') and not relispartition
