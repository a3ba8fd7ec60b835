--: each = "unique_key"
--: things = "keys"
--: needed = "each key once among the rows themselves"
--: fix = "find out which row is right, remove the others, reindex; a changed collation can be the cause"
--: nothing = "pass"
--: settings = { enable_indexscan = "off", enable_indexonlyscan = "off", enable_bitmapscan = "off" }
-- Looks at the rows and not at the index, which may be what is damaged.
select count(*) = 1 as ok, to_jsonb(row ({columns})) as key, count(*) as rows
from only {table} as t
where {applies}
group by {columns}
