-- Tables of the database's own schemas, without those of extensions.
select coalesce(json_agg(json_build_object(
         'schema', n.nspname,
         'name', c.relname,
         'pages', (select coalesce(sum(greatest(leaf.relpages, 0)), 0)
                   from pg_class leaf
                   where leaf.oid = c.oid or leaf.oid in (select relid from pg_partition_tree(c.oid))),
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
where c.relkind in ('r', 'p')
  and c.relpersistence <> 't'
  and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema'
  and not exists (select 1 from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
