--: things = "collations in use"
--: needed = "each in the version that the indexes were built with"
--: fix = "reindex what uses it, check unique keys, then alter database (or collation) ... refresh collation version"
--: from_version = 15
--: inconclusive = "advisory"
--: nothing = "pass"
--: as_in_source = "advisory"
-- Of another version of the operating system's library, text sorts in another order: indexes miss rows.
select d.datcollversion is not distinct from pg_database_collation_actual_version(d.oid) as ok,
       'of the database' as "collation", d.datcollversion as recorded,
       pg_database_collation_actual_version(d.oid) as actual
from pg_database d
where d.datname = current_database() and d.datcollversion is not null
union all
select c.collversion is not distinct from pg_collation_actual_version(c.oid),
       format('%I.%I', n.nspname, c.collname), c.collversion, pg_collation_actual_version(c.oid)
from pg_collation c
join pg_namespace n on n.oid = c.collnamespace
where c.collversion is not null
  and (exists (select from pg_index i join relations x on x.oid = i.indexrelid where c.oid = any (i.indcollation::oid[]))
       or exists (select from pg_attribute a join relations r on r.oid = a.attrelid where a.attcollation = c.oid))
