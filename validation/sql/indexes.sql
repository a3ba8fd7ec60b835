-- Indexes that no query uses, or that are not kept up: left by an interrupted build, or partly attached.
select count(*) as indexes,
       count(*) filter (where damaged) as damaged,
       coalesce(json_agg(json_build_object('schema', schema, 'table', relation, 'index', name)
                         order by schema, relation, name) filter (where damaged), '[]') as examples
from (select n.nspname as schema, t.relname as relation, c.relname as name,
             not (i.indisvalid and i.indisready and i.indislive) as damaged
      from pg_index i
      join pg_class c on c.oid = i.indexrelid
      join pg_class t on t.oid = i.indrelid
      join pg_namespace n on n.oid = t.relnamespace
      where n.nspname not in ('pg_catalog', 'information_schema') and t.relpersistence <> 't') as found
