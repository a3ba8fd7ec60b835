-- What the loss report needs to know of every table that holds rows itself, or through its partitions.
-- The key: the primary key, else the first unique index that no null, expression or condition weakens.
select coalesce(json_agg(json_build_object(
         'schema', n.nspname,
         'name', c.relname,
         'partitioned', c.relkind = 'p',
         'unlogged', c.relpersistence = 'u',
         'rows', (select coalesce(sum(greatest(leaf.reltuples, 0)), 0)::bigint
                  from pg_class leaf
                  where leaf.relkind = 'r' and (leaf.oid = c.oid
                     or c.relkind = 'p' and leaf.oid in (select relid from pg_partition_tree(c.oid)))),
         'pages', (select coalesce(sum(greatest(leaf.relpages, 0)), 0)::bigint
                   from pg_class leaf
                   where leaf.relkind = 'r' and (leaf.oid = c.oid
                      or c.relkind = 'p' and leaf.oid in (select relid from pg_partition_tree(c.oid)))),
         'columns', (select coalesce(json_agg(json_build_object(
                              'name', a.attname,
                              'type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null)
                            ) order by a.attnum), '[]')
                     from pg_attribute a
                     join pg_type t on t.oid = a.atttypid
                     where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
         'key', (select coalesce(json_agg(a.attname order by k.position), '[]')
                 from (select i.indkey, i.indnkeyatts
                       from pg_index i
                       where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
                         and i.indpred is null and i.indexprs is null
                         and not exists (select 1
                                         from unnest(i.indkey::int2[]) with ordinality as part (number, position)
                                         join pg_attribute a on a.attrelid = i.indrelid and a.attnum = part.number
                                         where part.position <= i.indnkeyatts and not a.attnotnull)
                       order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
                       limit 1) chosen
                 cross join lateral unnest(chosen.indkey::int2[]) with ordinality as k (number, position)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
                 where k.position <= chosen.indnkeyatts)
       ) order by n.nspname, c.relname), '[]') as tables
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
  and not c.relispartition
  and c.relpersistence <> 't'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (select 1 from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
