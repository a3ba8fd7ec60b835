-- What a sequence gives next, against what its column holds already.
select s.last_value, s.is_called, (select {extreme}({column}) from {table}) as furthest
from {sequence} as s
