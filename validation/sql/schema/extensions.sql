-- Extensions and the schema each is in; their versions are a section of their own.
select quote_ident(e.extname), 'in schema ' || quote_ident(n.nspname)
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
