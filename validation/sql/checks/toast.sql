--: each = "toasted_table"
--: things = "rows"
--: needed = "every value that is kept outside of its row readable"
--: fix = "the table is damaged on disk: restore another recovery point, or save what can be read"
--: nothing = "pass"
select {lengths} >= 0 as ok from only {table} as t
