--: each = "toasted_table"
--: things = "tables"
--: needed = "every value of the sample that is kept outside of its row readable"
--: fix = "the table is damaged on disk: restore another recovery point, or save what can be read"
--: nothing = "pass"
--: inconclusive = "advisory"
select coalesce(sum({lengths}), 0) >= 0 as ok from ({sampled}) as t
