-- OFFSET keeps the planner from making a join of it, for which it would read the whole table (PostgreSQL 17,
-- tidpath.c: a range of places is read as such only where its ends are constants or parameters).
select sampled.*
from ({ranges}) as range
cross join lateral (select {columns}, ctid
                    from only {table}
                    where ctid >= range.lo and ctid < range.hi and {kept}
                    offset 0) as sampled
