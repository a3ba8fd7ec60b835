-- Where to cut a table's keys into ranges of like size, by some of its pages.
select {quantiles}
from (select {columns} from {table} as t tablesample system ({percent}) repeatable (1)) as sampled
