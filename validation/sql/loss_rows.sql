-- The rows of the buckets that differ: key and hash.
select {bucket} as bucket, {key} as key, {hash} as hash, 1 as copies,
       extract(epoch from {time}) as oldest, extract(epoch from {time}) as newest
from {table} as t
where {where}
order by 1
