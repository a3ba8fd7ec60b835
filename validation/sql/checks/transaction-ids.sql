--: things = "databases"
--: needed = "transaction ids left: oldest row less than 1.6 billion transactions old"
--: fix = "vacuum (freeze) the oldest tables, before the server refuses to write"
--: severity = "advisory"
-- 1.6 billion is vacuum_failsafe_age's default; at 2.1 billion the server takes no more writes.
select greatest(age(datfrozenxid), mxid_age(datminmxid)) < 1600000000 as ok, age(datfrozenxid) as age
from pg_database
where datname = current_database()
