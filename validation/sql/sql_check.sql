-- A check's query answers with a row for each thing that it looked at; `ok` says whether that is as it should be.
{lists}
select count(*) as examined,
       count(*) filter (where ok) as good,
       count(*) filter (where not ok) as wrong,
       coalesce(json_agg(example) filter (where not ok and nth <= 5), '[]') as examples
from (select ok,
             case when not ok then to_jsonb(thing) - 'ok' - 'always_wrong' end as example,
             count(*) filter (where not ok) over (rows unbounded preceding) as nth
      from ({query}) as thing) as looked_at
