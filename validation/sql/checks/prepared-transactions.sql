--: things = "prepared transactions"
--: needed = "none left over"
--: fix = "ask its transaction manager; else rollback prepared 'gid': it holds locks and keeps VACUUM from its work"
--: nothing = "pass"
select false as ok, gid, prepared, owner from pg_prepared_xacts where database = current_database()
