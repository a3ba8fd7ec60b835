--: each = "table"
--: extension = "amcheck"
--: things = "damaged places"
--: needed = "every row and every TOASTed value of the sample well-formed"
--: fix = "the table is damaged on disk: restore another recovery point, or save what can be read"
--: nothing = "pass"
--: inconclusive = "advisory"
-- Answers only with what is damaged.
select false as ok, place.blkno as block, place.offnum as item, place.attnum as column, place.msg as damage
from ({ranges}) as range
cross join lateral {amcheck}.verify_heapam({oid}, check_toast => {with_toast}, startblock => range.first,
                                           endblock => least(range.first + {run} - 1, {blocks} - 1)) as place
