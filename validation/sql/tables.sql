-- Tables of the database's own schemas, without those of extensions. `leaves` are the files that a table's rows are in:
-- those of its partitions and inheriting tables too. `ordered` are columns whose greatest value an index tells. Waits for
-- no lock: sizes are those of the last VACUUM or ANALYZE.
with recursive tree as (
  select oid as root, oid as leaf from pg_class where relkind in ('r', 'p')
  union
  select tree.root, i.inhrelid from tree join pg_inherits i on i.inhparent = tree.leaf
), leaves as (
  select tree.root,
         json_agg(json_build_object(
           'schema', n.nspname,
           'name', leaf.relname,
           'blocks', greatest(leaf.relpages, 0),
           'rows_a_block', case when leaf.relpages > 0 then greatest(leaf.reltuples, 0) / leaf.relpages else 0 end
         ) order by n.nspname, leaf.relname) as listed
  from tree
  join pg_class leaf on leaf.oid = tree.leaf and leaf.relkind <> 'p'
  join pg_namespace n on n.oid = leaf.relnamespace
  group by tree.root
)
select coalesce(json_agg(json_build_object(
         'schema', n.nspname,
         'name', c.relname,
         'pages', (select coalesce(sum(greatest(leaf.relpages, 0)), 0)
                   from pg_class leaf
                   where leaf.oid = c.oid or leaf.oid in (select relid from pg_partition_tree(c.oid))),
         'leaves', coalesce(leaves.listed, '[]'),
         'ordered', (select coalesce(json_agg(distinct a.attname), '[]')
                     from pg_index i
                     join pg_class x on x.oid = i.indexrelid
                     join pg_am m on m.oid = x.relam and m.amname = 'btree'
                     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                     where i.indrelid = c.oid and i.indisvalid and i.indpred is null
                       and not exists (select 1 from pg_inherits h where h.inhparent = c.oid and c.relkind = 'r')),
         'partition', c.relispartition,
         'unlogged', c.relpersistence = 'u',
         'columns', (select coalesce(json_object_agg(a.attname,
                              format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null)), '{{}}')
                     from pg_attribute a
                     join pg_type t on t.oid = a.atttypid
                     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
         'key', (select coalesce(json_agg(a.attname order by k.position), '[]')
                 from pg_index i
                 cross join lateral unnest(i.indkey::int2[]) with ordinality as k (number, position)
                 join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
                 where i.indrelid = c.oid and i.indisprimary and k.position <= i.indnkeyatts)
       ) order by n.nspname, c.relname), '[]') as tables
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join leaves on leaves.root = c.oid
where c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (select 1 from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
