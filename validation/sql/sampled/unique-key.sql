--: each = "unique_key"
--: things = "rows that are not in their unique index, or not there alone"
--: needed = "each row in its index, under a key that no other row has"
--: fix = "find out which row is right, remove the others, reindex; a changed collation can be the cause"
--: nothing = "pass"
--: settings = { enable_seqscan = "off", enable_bitmapscan = "off", enable_indexonlyscan = "off" }
-- Some rows of a sample, each looked up by its key: sorting all of them would read the whole table.
select false as ok, to_jsonb(row ({columns})) as key, found.validation_rows as rows, found.validation_itself as in_index
from ({looked_up}) as t
cross join lateral (select count(*) as validation_rows,
                           coalesce(bool_or(i.ctid = t.ctid), false) as validation_itself
                    from only {table} as i
                    where {same} and ({predicate})) as found
where {applies} and {filled} and (found.validation_rows > 1 or not found.validation_itself)
