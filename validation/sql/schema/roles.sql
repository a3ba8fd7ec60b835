-- The roles that own something here or hold a privilege, and whose members they are. No password is read.
with concerned as (
  select owner as oid from schemas
  union select relowner from relations
  union select (aclexplode(relacl)).grantee from relations
  union select (aclexplode(acl)).grantee from schemas
)
select quote_ident(r.rolname),
       concat_ws(', ',
         case when r.rolcanlogin then 'login' else 'no login' end,
         case when r.rolsuper then 'superuser' end,
         case when r.rolbypassrls then 'bypasses row-level security' end,
         case when r.rolcreaterole then 'creates roles' end,
         case when r.rolcreatedb then 'creates databases' end,
         case when r.rolreplication then 'replication' end,
         case when not r.rolinherit then 'does not inherit' end,
         case when r.rolconnlimit >= 0 then 'connections ' || r.rolconnlimit end,
         (select 'member of ' || string_agg(distinct quote_ident(pg_get_userbyid(m.roleid)), ', ')
          from pg_auth_members m where m.member = r.oid))
from concerned
join pg_roles r on r.oid = concerned.oid
