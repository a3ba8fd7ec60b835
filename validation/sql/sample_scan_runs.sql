select coalesce(sum(rows) filter (where last), 0) + {rest} * coalesce(avg(rows) filter (where not last), 0) as rows,
       {rest}::numeric ^ 2 * coalesce(var_samp(rows) filter (where not last), 0) / {drawn}
         * (1 - {drawn}::numeric / {rest}) as variance,
       sum(rows) as read{summed}
from ({ranges}) as range
cross join lateral (select count(*) as rows{aggregates}
                    from only {table}
                    where ctid >= range.lo and ctid < range.hi) as run
