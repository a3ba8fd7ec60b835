-- Tables and what holds for each as a whole: partitioning, inheritance, row-level security, storage parameters.
select identity,
       concat_ws(', ',
         case relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'f' then 'foreign table' end,
         case when relpersistence = 'u' then 'unlogged' end,
         'partition by ' || pg_get_partkeydef(oid),
         case when relispartition then pg_get_expr(relpartbound, oid) end,
         (select 'child of ' || string_agg(format('%I.%I', n.nspname, p.relname), ', ' order by i.inhseqno)
          from pg_inherits i
          join pg_class p on p.oid = i.inhparent
          join pg_namespace n on n.oid = p.relnamespace
          where i.inhrelid = relations.oid),
         case when relrowsecurity then 'row-level security' end,
         case when relforcerowsecurity then 'forced on the owner too' end,
         case relreplident when 'n' then 'replica identity nothing' when 'f' then 'replica identity full'
                           when 'i' then 'replica identity by index' end,
         (select string_agg(option, ', ' order by option) from unnest(reloptions) as o (option)))
from relations
where relkind in ('r', 'p', 'f')
