-- The server's clock, after the snapshot was taken.
select statement_timestamp() as now
