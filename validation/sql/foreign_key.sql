-- Rows that the constraint would refuse today. ONLY where the constraint itself looks at one table alone.
-- MATCH SIMPLE applies when every column is set, MATCH FULL when any is: then a null finds no parent.
select count(*) as orphans
from {child} as c
where {applies} and not exists (select 1 from {parent} as p where {match})
