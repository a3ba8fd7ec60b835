--: each = "keyed_table"
--: things = "tables"
--: needed = "as many rows in the table's file as its index knows of"
--: fix = "blocks of the table are missing or empty: restore another recovery point"
--: settings = { enable_seqscan = "off", enable_bitmapscan = "off" }
--: nothing = "pass"
--: inconclusive = "advisory"
-- A range of ctids reads the heap from its first block to its last; without a condition the index is read alone.
select heap.rows = indexed.rows as ok, heap.rows as in_table, indexed.rows as in_index
from (select count(*) as rows from only {table} where ctid >= '(0,0)') as heap,
     (select count(*) as rows from only {table}) as indexed
