--: things = "files of tables and indexes"
--: needed = "each as long as it was at its last VACUUM or ANALYZE, or longer"
--: fix = "the file was cut off: restore another recovery point; after a VACUUM that the restore point broke off, vacuum and validate again"
--: nothing = "pass"
select pg_relation_size(oid) / current_setting('block_size')::int >= relpages as ok,
       identity as relation,
       relpages as blocks_then,
       pg_relation_size(oid) / current_setting('block_size')::int as blocks_now
from relations
where relkind in ('r', 'm', 'i') and relpersistence = 'p'
