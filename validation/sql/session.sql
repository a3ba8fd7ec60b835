-- Settings of a validating session, those that this server knows.
-- row_security off: a policy that would hide rows makes the query fail instead.
-- search_path: nothing that the database brings along can stand in for a built-in function or operator.
select count(set_config(wanted.name, wanted.value, false)) as settings
from (values ('row_security', 'off'),
             ('search_path', 'pg_catalog'),
             ('timezone', 'UTC'),
             ('datestyle', 'ISO'),
             ('jit', 'off'),
             ('lock_timeout', '15s'),
             ('idle_in_transaction_session_timeout', '0'),
             ('idle_session_timeout', '0'),
             ('transaction_timeout', '0')) as wanted (name, value)
join pg_settings on pg_settings.name = lower(wanted.name) or lower(pg_settings.name) = wanted.name
