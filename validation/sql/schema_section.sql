-- One section of the schema's fingerprint, as {{identity: definition}}.
{own_relations}
select coalesce(jsonb_object_agg(identity, definition), '{{}}') as items
from ({section}) as found (identity, definition)
