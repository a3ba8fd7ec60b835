-- Installed extensions and their schemas, for checks that call one's functions.
select coalesce(json_object_agg(e.extname, n.nspname), '{{}}') as extensions
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
