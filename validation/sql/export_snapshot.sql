-- All sessions read what this one sees.
select pg_export_snapshot() as snapshot
