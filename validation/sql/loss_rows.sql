-- The rows of the cells that differ: key and hash.
select {cell} as cell, {key} as key, {hash} as hash, 1 as copies,
       extract(epoch from {time}) as oldest, extract(epoch from {time}) as newest
from {table} as t
where {where}
order by 1
