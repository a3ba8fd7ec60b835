-- Every foreign key, NOT VALID ones too; those that a partition has from its root come with the root.
-- conenforced and conperiod exist since PostgreSQL 18 only, hence through to_jsonb.
select coalesce(json_agg(json_build_object(
         'name', k.conname,
         'child_schema', cn.nspname,
         'child', c.relname,
         'child_partitioned', c.relkind = 'p',
         'child_columns', (select json_agg(a.attname order by x.position)
                           from unnest(k.conkey) with ordinality as x (number, position)
                           join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.number),
         'parent_schema', pn.nspname,
         'parent', p.relname,
         'parent_partitioned', p.relkind = 'p',
         'parent_columns', (select json_agg(a.attname order by x.position)
                            from unnest(k.confkey) with ordinality as x (number, position)
                            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = x.number),
         'operators', (select json_agg(json_build_array(o_n.nspname, o.oprname) order by x.position)
                       from unnest(k.conpfeqop) with ordinality as x (oid, position)
                       join pg_operator o on o.oid = x.oid
                       join pg_namespace o_n on o_n.oid = o.oprnamespace),
         'collations', (select json_agg(case when a.attcollation <> b.attcollation
                                             then json_build_array(l_n.nspname, l.collname) end
                                        order by x.position)
                        from unnest(k.conkey, k.confkey) with ordinality as x (ours, theirs, position)
                        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = x.ours
                        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = x.theirs
                        left join pg_collation l on l.oid = b.attcollation
                        left join pg_namespace l_n on l_n.oid = l.collnamespace),
         'match', k.confmatchtype,
         'validated', k.convalidated,
         'enforced', coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true),
         'period', coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false),
         'pages', greatest(c.relpages, 0) + greatest(p.relpages, 0)
       ) order by cn.nspname, c.relname, k.conname), '[]') as foreign_keys
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace cn on cn.oid = c.relnamespace
join pg_class p on p.oid = k.confrelid
join pg_namespace pn on pn.oid = p.relnamespace
where k.contype = 'f'
  and k.conparentid = 0
  and c.relpersistence <> 't'
