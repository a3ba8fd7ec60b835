--: things = "tables with policies"
--: needed = "row-level security on, so that the policies hold"
--: fix = "alter table ... enable row level security"
--: nothing = "pass"
--: as_in_source = "advisory"
select c.relrowsecurity as ok, c.identity as "table", count(*) as policies
from pg_policy p
join relations c on c.oid = p.polrelid
group by c.identity, c.relrowsecurity
