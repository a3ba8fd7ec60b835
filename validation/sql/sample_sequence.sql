-- What a sequence gives next, against what its column holds in the rows that were read.
select s.last_value, s.is_called, (select {extreme}(t.{column}) from {rows} as t) as furthest
from {sequence} as s
