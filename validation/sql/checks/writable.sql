--: things = "places that can make sessions read-only or refuse them"
--: needed = "none that does"
--: fix = "alter database (or role) ... reset default_transaction_read_only; alter database ... connection limit -1"
--: as_in_source = "advisory"
-- What freezing by hand leaves behind. The source may be frozen so today: only what holds for another role is as in it.
select lower(current_setting('default_transaction_read_only')) = 'off' as ok, 'sessions of this login' as place,
       true as always_wrong
union all
select not exists (select from unnest(s.setconfig) as c (setting)
                   where c.setting ~* '^default_transaction_read_only=(on|true|yes|1)$'),
       case when s.setrole = 0 then 'the database' else 'role ' || quote_ident(pg_get_userbyid(s.setrole)) end,
       s.setrole = 0
from pg_db_role_setting s
where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
union all
select datallowconn and datconnlimit <> 0, 'connection limit of the database', true
from pg_database
where datname = current_database()
