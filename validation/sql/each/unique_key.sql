-- Unique keys over columns, and what makes a row subject to each. `unjudged` where an expression, an operator class or
-- a predicate could run code that the database brought along, or compares in another way than GROUP BY does.
select array[x.schema, x.relname] as subject,
       t.relpages as pages,
       greatest(t.relpages, 0) as blocks,
       case when t.relpages > 0 then greatest(t.reltuples, 0) / t.relpages else 0 end as rows_a_block,
       array[t.schema, t.relname] as of,
       key.same as same,
       key.filled as filled,
       coalesce(pg_get_expr(i.indpred, i.indrelid), 'true') as predicate,
       key.plain as plain,
       t.identity as "table",
       key.columns as columns,
       concat_ws(' and ', case when coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) then 'true'
                               else key.filled end,
                 '(' || pg_get_expr(i.indpred, i.indrelid) || ')') as applies,
       case when key.columns is null then 'an expression'
            when key.special then 'an operator class other than the type''s own'
            when exists (select from pg_depend d
                         where d.classid = 'pg_class'::regclass and d.objid = x.oid
                           and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass))
              then 'functions or operators that are not PostgreSQL''s own' end as unjudged
from relations t
join pg_index i on i.indrelid = t.oid and i.indisunique and i.indisvalid
join relations x on x.oid = i.indexrelid and x.relkind = 'i'
cross join lateral (
  select case when bool_and(k.number > 0) then string_agg(
           't.' || quote_ident(a.attname)
             || coalesce(' collate ' || quote_ident(n.nspname) || '.' || quote_ident(l.collname), ''),
           ', ' order by k.position) end as columns,
         string_agg('t.' || quote_ident(a.attname) || ' is not null', ' and ' order by k.position) as filled,
         string_agg('i.' || quote_ident(a.attname) || ' = t.' || quote_ident(a.attname)
             || coalesce(' collate ' || quote_ident(n.nspname) || '.' || quote_ident(l.collname), ''),
           ' and ' order by k.position) as same,
         bool_or(not o.opcdefault) as special,
         coalesce(bool_and(y.typnamespace = 'pg_catalog'::regnamespace), false) as plain
  from unnest(i.indkey::int2[], i.indcollation::oid[], i.indclass::oid[]) with ordinality
         as k (number, "collation", class, position)
  left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
  left join pg_collation l on l.oid = k."collation"
  left join pg_namespace n on n.oid = l.collnamespace
  left join pg_type y on y.oid = a.atttypid
  join pg_opclass o on o.oid = k.class
  where k.position <= i.indnkeyatts) as key
