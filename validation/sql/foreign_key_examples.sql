select {keys} as keys
from {child} as c
where {applies} and not exists (select 1 from {parent} as p where {match})
limit 5
