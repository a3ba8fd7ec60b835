-- What changes whenever a table's rows or files do: the files of its parts, TOAST and indexes, and how many rows were
-- written since the counters began, of which a crash or a reset is told by the times at which they did. Null where the
-- server doesn't count.
with recursive tree as (
  select oid as root, oid as leaf from pg_class where relkind in ('r', 'p', 'm')
  union
  select tree.root, i.inhrelid from tree join pg_inherits i on i.inhparent = tree.leaf
), files as (
  select tree.root, c.oid, c.relfilenode
  from tree
  join pg_class c on c.oid = tree.leaf or c.oid in (select t.reltoastrelid from pg_class t where t.oid = tree.leaf)
  union
  select tree.root, i.indexrelid, x.relfilenode
  from tree
  join pg_index i on i.indrelid = tree.leaf
  join pg_class x on x.oid = i.indexrelid
)
select coalesce(json_agg(json_build_object(
         'schema', n.nspname,
         'name', c.relname,
         'state', case when current_setting('track_counts')::boolean then encode(sha256(convert_to(concat_ws(' ',
             (select string_agg(concat_ws(':', f.oid, f.relfilenode, pg_stat_get_tuples_inserted(f.oid),
                                          pg_stat_get_tuples_updated(f.oid), pg_stat_get_tuples_deleted(f.oid)),
                                ' ' order by f.oid)
              from files f
              where f.root = c.oid),
             (select stats_reset::text from pg_stat_database where datname = current_database()),
             (select stats_reset::text from pg_stat_bgwriter)), 'UTF8')), 'hex') end
       )), '[]') as states
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
