--: each = "unique_key"
--: things = "keys that are there twice"
--: needed = "each key once among the rows themselves"
--: fix = "find out which row is right, remove the others, reindex; a changed collation can be the cause"
--: nothing = "pass"
--: settings = { enable_indexscan = "off", enable_indexonlyscan = "off", enable_bitmapscan = "off", enable_hashagg = "off", work_mem = "32MB" }
--: as_in_source = "advisory"
-- Looks at the rows and not at the index, which may be what is damaged. Answers only with what is wrong.
-- Sorting is twice as fast here as hashing, where each key is a group of its own.
select false as ok, to_jsonb(row ({columns})) as key, count(*) as rows
from only {table} as t
where {applies}
group by {columns}
having count(*) > 1
