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
  join pg_class c on c.oid = tree.leaf
  union
  select tree.root, toast.oid, toast.relfilenode
  from tree
  join pg_class c on c.oid = tree.leaf
  join pg_class toast on toast.oid = c.reltoastrelid
  union
  select tree.root, i.indexrelid, x.relfilenode
  from tree
  join pg_index i on i.indrelid = tree.leaf
  join pg_class x on x.oid = i.indexrelid
), states as (
  select root, string_agg(concat_ws(':', oid, relfilenode, pg_stat_get_tuples_inserted(oid),
                                    pg_stat_get_tuples_updated(oid), pg_stat_get_tuples_deleted(oid)),
                          ' ' order by oid) as state
  from files
  group by root
)
select coalesce(json_agg(json_build_object(
         'schema', n.nspname,
         'name', c.relname,
         'state', case when current_setting('track_counts')::boolean then encode(sha256(convert_to(concat_ws(' ',
             states.state,
             (select stats_reset::text from pg_stat_database where datname = current_database()),
             (select stats_reset::text from pg_stat_bgwriter)), 'UTF8')), 'hex') end
       )), '[]') as states
from pg_class c
join states on states.root = c.oid
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't' and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
