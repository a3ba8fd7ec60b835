-- Settings of the database and of roles. Of parameters that applications made up the hash: they can be secrets.
select concat_ws(' ', case when s.setrole = 0 then 'database' else 'role ' || quote_ident(pg_get_userbyid(s.setrole)) end,
                 case when s.setrole <> 0 and s.setdatabase <> 0 then 'in the database' end,
                 split_part(c.setting, '=', 1)),
       case when split_part(c.setting, '=', 1) like '%.%' then 'hash ' || left(md5(c.setting), 12)
            else substr(c.setting, strpos(c.setting, '=') + 1) end
from pg_db_role_setting s
cross join unnest(s.setconfig) as c (setting)
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  and (s.setrole = 0 or exists (select from relations where relowner = s.setrole)
       or s.setrole in (select (aclexplode(relacl)).grantee from relations))
