-- How long the files of tables are now. Waits for locks on them.
{own_relations}
select coalesce(json_agg(json_build_object(
         'schema', schema, 'name', relname,
         'blocks', pg_relation_size(oid) / current_setting('block_size')::int)), '[]') as tables
from relations
where relkind in ('r', 'm')
