-- Every row of a check's query that is not as it should be; the whole row says which thing it is.
{lists}
select to_jsonb(thing) - 'ok' - 'always_wrong' as told,
       to_jsonb(thing) - 'ok' - 'always_wrong' as shown,
       coalesce((to_jsonb(thing) ->> 'always_wrong')::boolean, false) as decides
from ({query}) as thing
where not ok
