-- The things that a check is asked for one by one, with the pieces of SQL that its query needs for each.
{own_relations}
select coalesce(jsonb_agg(to_jsonb(thing)), '[]') as things
from ({things}) as thing
