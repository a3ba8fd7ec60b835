--: things = "databases"
--: needed = "no block whose checksum is wrong"
--: fix = "a block is damaged on disk: restore another recovery point; the other checks say which table"
--: inconclusive = "advisory"
-- What the server counted since it was started; without checksums it can't say.
select case when current_setting('data_checksums') = 'on' then checksum_failures = 0 end as ok,
       checksum_failures as failures
from pg_stat_database
where datname = current_database()
