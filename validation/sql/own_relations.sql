-- The schemas and relations of the database itself, without those of PostgreSQL, of extensions and of sessions.
with schemas as (
  select n.oid, n.nspname as name, n.nspowner as owner, n.nspacl as acl
  from pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend d
                    where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')
), relations as (
  select c.*, n.name as schema, format('%I.%I', n.name, c.relname) as identity
  from pg_class c
  join schemas n on n.oid = c.relnamespace
  where c.relpersistence <> 't'
    and not exists (select from pg_depend d
                    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
)
