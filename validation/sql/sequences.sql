-- Sequences and the columns they fill: owned by it, its identity, or named by its default.
with use as (
  select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number
  from pg_depend d
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
    and d.deptype in ('a', 'i') and d.refobjsubid > 0
  union
  select d.refobjid, f.adrelid, f.adnum
  from pg_depend d
  join pg_attrdef f on d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
  where d.refclassid = 'pg_class'::regclass
    and pg_get_expr(f.adbin, f.adrelid) ~ '^nextval\(''.*''::regclass\)$'
)
select coalesce(json_agg(json_build_object(
         'sequence_schema', sn.nspname,
         'sequence', s.relname,
         'schema', n.nspname,
         'table', c.relname,
         'column', a.attname,
         'increment', q.seqincrement,
         'cycles', q.seqcycle,
         'number', coalesce(nullif(t.typbasetype, 0), t.oid)
                     in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype)
       ) order by n.nspname, c.relname, a.attname, sn.nspname, s.relname), '[]') as sequences
from use
join pg_class s on s.oid = use.sequence and s.relkind = 'S'
join pg_namespace sn on sn.oid = s.relnamespace
join pg_sequence q on q.seqrelid = s.oid
join pg_class c on c.oid = use.relation and c.relkind in ('r', 'p') and not c.relispartition
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = use.number and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where s.relpersistence <> 't'
