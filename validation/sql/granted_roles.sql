-- Login roles that own a table of the database's own or have a grant on one, superusers and built-in ones aside:
-- what they may do in each schema. A privilege counts for a whole schema when it is held on each of its tables.
with relations as (
  select c.oid, c.relkind, n.oid as namespace, n.nspname as schema, c.relname as relation,
         c.relowner as owner, c.relacl as acl
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'S') and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select 1 from pg_depend d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
), concerned as (
  select owner as role from relations
  union
  select a.grantee from relations cross join lateral aclexplode(acl) as a
), roles as (
  select r.oid, r.rolname as name
  from pg_roles r
  join concerned on concerned.role = r.oid
  where r.rolcanlogin and not r.rolsuper and r.rolname !~ '^(pg_|rds)'
), held as (
  select r.name, x.schema, x.relation, x.relkind = 'S' as sequences, word, case when x.relkind = 'S'
           then has_sequence_privilege(r.oid, x.oid, word) else has_table_privilege(r.oid, x.oid, word) end as held
  from roles r
  cross join relations x
  cross join unnest(case when x.relkind = 'S' then array['USAGE', 'SELECT', 'UPDATE']
                         else array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] end) as word
), judged as (
  select *, bool_and(held) over (partition by name, schema, sequences, word) as everywhere from held
), may as (
  select name, schema, sequences, case when not everywhere then relation end as relation,
         json_agg(distinct word) as words
  from judged
  where held
  group by 1, 2, 3, 4
)
select coalesce(json_agg(json_build_object(
         'name', r.name,
         'connects', has_database_privilege(r.oid, current_database(), 'connect'),
         'schemas', (select coalesce(json_agg(distinct x.schema), '[]') from relations x
                     where has_schema_privilege(r.oid, x.namespace, 'usage')),
         'may', (select coalesce(json_agg(json_build_object(
                            'schema', m.schema, 'relation', m.relation, 'sequences', m.sequences, 'words', m.words)
                          order by m.schema, m.sequences, m.relation nulls first), '[]')
                 from may m where m.name = r.name)
       ) order by r.name), '[]') as roles
from roles r
