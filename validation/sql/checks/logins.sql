--: things = "roles that may log in"
--: needed = "no password that has expired, no limit of 0 connections"
--: fix = "alter role ... valid until 'infinity' connection limit -1, where an application uses it"
--: severity = "advisory"
--: as_in_source = "advisory"
select coalesce(rolvaliduntil > now(), true) and rolconnlimit <> 0 as ok, rolname as role, rolvaliduntil as valid_until
from pg_roles
where rolcanlogin and rolname !~ '^rds'
