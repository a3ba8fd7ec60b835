-- One pass over a sample of a table's files. `rows` is estimated from those that were read; the true number lies within
-- `spread` of it (three standard deviations of a stratified sample).
select round(coalesce(sum(rows), 0))::bigint as rows,
       ceil(3 * sqrt(coalesce(sum(variance), 0)))::bigint as spread,
       coalesce(sum(read), 0)::bigint as read{aggregates}
from ({parts}) as part
