select {number}::int, format('%I.%I', n.nspname, c.relname), {has_privilege}(r.oid, c.oid, {word})
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = {schema} and c.relkind::text = any ({kinds}) and ({relation}::text is null or c.relname = {relation})
