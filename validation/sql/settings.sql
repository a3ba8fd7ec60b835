-- The server's settings, not this session's: reset_val is what RESET would give. A login without
-- pg_read_all_settings doesn't see all of them.
select coalesce(json_object_agg(lower(name), json_build_object(
         'value', reset_val, 'unit', unit, 'type', vartype)), '{{}}') as settings
from pg_settings
where lower(name) = any ({names})
