-- The schemas themselves; who owns and uses them is in owners and grants.
select format('%I', name), 'schema' from schemas
