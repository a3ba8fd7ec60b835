-- Within a transaction the statistics stay as first read, unless told otherwise.
select true as cleared from pg_stat_clear_snapshot()
