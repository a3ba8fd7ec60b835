select jsonb_build_array({columns}) as told, {keys} as shown, false as decides
from {child} as c
where {applies} and not exists (select 1 from {parent} as p where {match})
