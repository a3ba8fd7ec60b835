-- Who may do what, one line for an object and a role; an asterisk where the role may grant it on.
-- No list of privileges means the default one, which is spelled out here, so that both ways of writing it are equal.
-- Without those of the login that asks where it was made for hours, to read this database.
with held (object, acl) as (
  select 'database', coalesce(datacl, acldefault('d', datdba)) from pg_database where datname = current_database()
  union all
  select 'schema ' || quote_ident(name), coalesce(acl, acldefault('n', owner)) from schemas
  union all
  select case when relkind = 'S' then 'sequence ' when relkind in ('v', 'm') then 'view ' else 'table ' end || identity,
         coalesce(relacl, acldefault(case when relkind = 'S' then 's' else 'r' end::"char", relowner))
  from relations
  where relkind in ('r', 'p', 'f', 'v', 'm', 'S')
  union all
  select 'column ' || c.identity || '.' || quote_ident(a.attname), a.attacl
  from relations c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where a.attacl is not null
  union all
  select format('function %I.%I(%s)', n.name, p.proname, pg_get_function_identity_arguments(p.oid)),
         coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc p
  join schemas n on n.oid = p.pronamespace
  where not exists (select from pg_depend d
                    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))
  union all
  select concat_ws(' ', 'new', case a.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
                                 when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' end,
                   'of ' || quote_ident(pg_get_userbyid(a.defaclrole)), 'in ' || quote_ident(n.nspname)),
         a.defaclacl
  from pg_default_acl a
  left join pg_namespace n on n.oid = a.defaclnamespace
)
select object || ' to ' || grantee, string_agg(privilege, ', ' order by privilege)
from (select distinct h.object,
             case when x.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(x.grantee)) end as grantee,
             lower(x.privilege_type) || case when x.is_grantable then '*' else '' end as privilege
      from held h
      cross join lateral aclexplode(h.acl) as x
      where not exists (select from pg_roles r
                        where r.oid = x.grantee and r.rolname = session_user and r.rolvaliduntil < 'infinity')
     ) as privileges
group by object, grantee
