-- A table's size now, in pages; what the catalog says can be long out of date. Waits for locks on the table.
select coalesce(sum(pg_relation_size(leaf)), 0)::bigint / 8192 as pages
from (select {table}::regclass::oid as leaf
      union
      select relid from pg_partition_tree({table}::regclass)) as leaves
