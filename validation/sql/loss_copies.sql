-- Of a table without a key: how often each row is there, by its hash.
select {bucket} as bucket, ({hash})::text as key, {hash} as hash, count(*) as copies,
       extract(epoch from min({time})) as oldest, extract(epoch from max({time})) as newest
from {table} as t
where {where}
group by 1, 2, 3
order by 1
