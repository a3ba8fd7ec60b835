--: extension = "amcheck"
--: things = "indexes of PostgreSQL's own catalogs"
--: needed = "each in order, with an entry for every row"
--: fix = "restore another recovery point; reindex system mends indexes alone"
--: inconclusive = "advisory"
select {amcheck}.bt_index_check(i.indexrelid, true) is not null as ok, i.indexrelid::regclass as "index"
from pg_index i
join pg_class x on x.oid = i.indexrelid
join pg_am a on a.oid = x.relam
where x.relnamespace = 'pg_catalog'::regnamespace and a.amname = 'btree' and i.indisvalid and i.indisready
