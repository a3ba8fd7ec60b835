-- Sequences as defined; where they stand is a check of its own.
select s.identity,
       concat_ws(', ', format_type(q.seqtypid, null), 'start ' || q.seqstart, 'increment ' || q.seqincrement,
                 'from ' || q.seqmin, 'to ' || q.seqmax, case when q.seqcycle then 'cycles' end,
                 (select format('owned by %s.%I', c.identity, a.attname)
                  from pg_depend d
                  join relations c on c.oid = d.refobjid
                  join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
                  where d.classid = 'pg_class'::regclass and d.objid = s.oid
                    and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0))
from relations s
join pg_sequence q on q.seqrelid = s.oid
