-- Runs of blocks of a file: one, drawn by lot, of each of {{drawn}} equal parts, and the last one.
select ('(' || chosen.number * {run} || ',0)')::tid as lo,
       ('(' || case when chosen.number = {rest} then {end} else (chosen.number + 1) * {run} end || ',0)')::tid as hi,
       chosen.number * {run} as first,
       chosen.number = {rest} as last
from (select part.number * {rest} / {drawn}
               + abs(hashint8extended(part.number, {seed})
                     % greatest((part.number + 1) * {rest} / {drawn} - part.number * {rest} / {drawn}, 1)) as number
      from generate_series(0::bigint, {drawn}::bigint - 1) as part (number)
      union all
      select {rest}::bigint) as chosen
