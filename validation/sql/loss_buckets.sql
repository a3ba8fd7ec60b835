-- One row per bucket, a part of the table by its keys: equal hashes on both sides, equal rows.
select {bucket} as bucket, count(*) as rows, sum({hash}) as hash,
       extract(epoch from min({time})) as oldest, extract(epoch from max({time})) as newest
from {table} as t
where {where}
group by 1
