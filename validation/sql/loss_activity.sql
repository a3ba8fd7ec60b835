-- Who could write to this database: rows written so far, transactions that are writing, other clients' sessions.
select (select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint from pg_stat_user_tables) as written,
       count(*) filter (where backend_xid is not null) as writing,
       count(*) filter (where backend_type = 'client backend') as sessions
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'validation'
