--: things = "replication slots"
--: needed = "none that nobody reads from"
--: fix = "select pg_drop_replication_slot(name): it keeps WAL until the storage is full"
--: nothing = "pass"
--: as_in_source = "advisory"
select active as ok, slot_name as slot, slot_type as kind from pg_replication_slots
where database is null or database = current_database()
