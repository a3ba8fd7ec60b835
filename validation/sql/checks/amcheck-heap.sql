--: each = "table"
--: extension = "amcheck"
--: things = "damaged places"
--: needed = "every row and every TOASTed value well-formed"
--: fix = "the table is damaged on disk: restore another recovery point, or save what can be read"
--: nothing = "pass"
--: inconclusive = "advisory"
-- Answers only with what is damaged: no row means that the whole table was read and is well-formed.
select false as ok, blkno as block, offnum as item, attnum as column, msg as damage
from {amcheck}.verify_heapam({oid}, check_toast => true)
