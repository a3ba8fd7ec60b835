-- Tables, and the columns of each that a statement can set.
{own_relations}
select coalesce(jsonb_agg(jsonb_build_object(
         'schema', schema,
         'name', relname,
         'columns', array(select a.attname from pg_attribute a
                          where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                            and a.attgenerated = '' and a.attidentity <> 'a'
                          order by a.attnum)
       )), '[]') as tables
from relations t
where relkind in ('r', 'p') and not relispartition
