--: things = "triggers"
--: needed = "none disabled, neither of tables nor of constraints"
--: fix = "alter table ... enable trigger all; waive it for those that the team keeps disabled"
--: nothing = "pass"
--: as_in_source = "advisory"
-- A load that broke off leaves them disabled: foreign keys are then not enforced, and nobody says so.
select t.tgenabled <> 'D' as ok, c.identity as "table", coalesce(k.conname, t.tgname) as trigger
from pg_trigger t
join relations c on c.oid = t.tgrelid
left join pg_constraint k on k.oid = t.tgconstraint
union all
select evtenabled <> 'D', 'database', evtname from pg_event_trigger
