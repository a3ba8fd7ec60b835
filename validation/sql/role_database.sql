select {number}::int, format('%I', d.datname), has_database_privilege(r.oid, d.oid, {word})
from pg_database d
where d.datname = current_database()
