select {number}::int, format('%I', n.nspname), has_schema_privilege(r.oid, n.oid, {word})
from pg_namespace n
where n.nspname = {schema}
