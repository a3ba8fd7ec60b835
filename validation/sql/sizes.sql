-- Bytes of each table with its indexes, TOAST and partitions.
select coalesce(json_agg(json_build_object('schema', n.nspname, 'name', c.relname, 'bytes', bytes)), '[]') as sizes
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join lateral (select coalesce(sum(pg_total_relation_size(leaf.oid)), 0)
                    from pg_class leaf
                    where leaf.oid = c.oid or leaf.oid in (select relid from pg_partition_tree(c.oid))) as size (bytes)
where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
