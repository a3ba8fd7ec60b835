--: things = "indexes"
--: needed = "every index valid, ready and kept up"
--: fix = "reindex index concurrently, or drop what an interrupted build left behind"
--: nothing = "pass"
--: as_in_source = "advisory"
-- Indexes that no query uses, or that are not kept up: left by an interrupted build, or partly attached.
select i.indisvalid and i.indisready and i.indislive as ok, t.schema, t.relname as "table", x.relname as "index"
from pg_index i
join pg_class x on x.oid = i.indexrelid
join relations t on t.oid = i.indrelid
