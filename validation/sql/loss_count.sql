-- All of a table that only one side has.
select count(*) as rows, extract(epoch from min({time})) as oldest, extract(epoch from max({time})) as newest
from {table} as t
