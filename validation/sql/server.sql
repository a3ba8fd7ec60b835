-- Which server this is, and in which state.
select current_database() as database,
       pg_is_in_recovery() as in_recovery,
       current_setting('server_version') as version,
       current_setting('server_version_num')::int / 10000 as major,
       host(inet_server_addr()) as address,
       inet_server_port() as port,
       extract(epoch from pg_postmaster_start_time())::text as started
