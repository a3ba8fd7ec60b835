-- Where each sequence of the database's own stands: null when it gave no value yet. `readable`: to this login.
select coalesce(json_agg(json_build_object(
         'schema', n.nspname,
         'name', c.relname,
         'increment', q.seqincrement,
         'readable', readable,
         'last', case when readable then pg_sequence_last_value(c.oid) end
       ) order by n.nspname, c.relname), '[]') as sequences
from pg_sequence q
join pg_class c on c.oid = q.seqrelid
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select has_sequence_privilege(c.oid, 'select,usage')) as privilege (readable)
where c.relpersistence = 'p'
  and n.nspname !~ '^pg_'
  and not exists (select 1 from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
