-- Milliseconds, for this transaction.
select set_config('statement_timeout', {milliseconds}, true) as milliseconds
