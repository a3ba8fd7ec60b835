--: things = "tables"
--: needed = "the planner's statistics, without which queries can be slow"
--: fix = "vacuumdb --analyze-in-stages, before traffic comes back"
--: severity = "advisory"
--: nothing = "pass"
--: as_in_source = "advisory"
-- A snapshot has them; a dump before PostgreSQL 18 does not.
select reltuples >= 0 as ok, identity as "table"
from relations
where relkind in ('r', 'm') and pg_relation_size(oid) > 0
