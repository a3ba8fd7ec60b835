--: each = "btree_index"
--: extension = "amcheck"
--: things = "indexes"
--: needed = "an index in order, with an entry for every row"
--: fix = "reindex index concurrently; if other checks of the table fail too, restore another recovery point"
--: nothing = "pass"
--: inconclusive = "advisory"
-- Reads the whole index and the whole table.
select {amcheck}.bt_index_check({oid}, true) is not null as ok
