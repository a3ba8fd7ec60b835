-- B-trees with a file of their own, those of TOAST too. What is not valid is found by the check `indexes`.
select array[x.schema, x.relname] as subject, x.relpages + t.relpages as pages,
       greatest(x.relpages, 0) + greatest(t.relpages, 0) as blocks,
       array[t.schema, t.relname] as of,
       x.oid::text || '::regclass' as oid
from relations t
join pg_index i on i.indrelid = t.oid and i.indisvalid and i.indisready
join relations x on x.oid = i.indexrelid and x.relkind = 'i'
join pg_am a on a.oid = x.relam and a.amname = 'btree'
where t.relkind in ('r', 'm')
union all
select array[t.schema, t.relname || ' TOAST'], toast.relpages,
       greatest(toast.relpages, 0),
       array[t.schema, t.relname],
       i.indexrelid::text || '::regclass'
from relations t
join pg_class toast on toast.oid = t.reltoastrelid
join pg_index i on i.indrelid = toast.oid
where t.relkind in ('r', 'm')
