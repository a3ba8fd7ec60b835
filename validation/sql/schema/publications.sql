-- Publications, which replicas and data pipelines subscribe to.
select quote_ident(p.pubname),
       concat_ws(', ', case when p.puballtables then 'all tables' end,
                 case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
                 case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end,
                 (select 'of ' || string_agg(c.identity, ', ' order by c.identity)
                  from pg_publication_rel r join relations c on c.oid = r.prrelid where r.prpubid = p.oid))
from pg_publication p
