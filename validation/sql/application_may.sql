-- What a role may do with each table and sequence.
{own_relations}
select coalesce(jsonb_agg(jsonb_build_object('schema', schema, 'name', relname, 'may', may)), '[]') as objects
from (select schema, relname,
             case when relkind = 'S'
                  then array(select p from unnest(array['usage']) as p (p) where has_sequence_privilege({role}, oid, p))
                  else array(select p from unnest(array['select', 'insert', 'update', 'delete']) as p (p)
                             where has_table_privilege({role}, oid, p)) end as may
      from relations
      where relkind in ('r', 'p', 'S') and not relispartition) as held
where may <> '{{}}'
