-- Triggers and event triggers, and when they fire. Those that constraints have come with the constraints.
select format('%I on %s', t.tgname, c.identity),
       concat_ws(', ', case t.tgenabled when 'D' then 'DISABLED' when 'R' then 'on replicas only' when 'A' then 'always' end,
                 pg_get_triggerdef(t.oid))
from pg_trigger t
join relations c on c.oid = t.tgrelid
where not t.tgisinternal
union all
select format('%I on the database', e.evtname),
       concat_ws(', ', case e.evtenabled when 'D' then 'DISABLED' when 'R' then 'on replicas only' when 'A' then 'always' end,
                 e.evtevent, array_to_string(e.evttags, ' '), e.evtfoid::regprocedure)
from pg_event_trigger e
where not exists (select from pg_depend d
                  where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e')
