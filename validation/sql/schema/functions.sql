-- Functions, procedures and aggregates, without those that a range type brings along. Of the body its hash only: a body can hold secrets.
select format('%I.%I(%s)', n.name, p.proname, pg_get_function_identity_arguments(p.oid)),
       concat_ws(', ',
         case p.prokind when 'f' then 'function' when 'p' then 'procedure' when 'a' then 'aggregate'
                        when 'w' then 'window function' end,
         'returns ' || pg_get_function_result(p.oid),
         'arguments ' || nullif(pg_get_function_arguments(p.oid), ''),
         l.lanname,
         case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
         case when p.prosecdef then 'security definer' end,
         case when p.proisstrict then 'strict' end,
         case when p.proleakproof then 'leakproof' end,
         case p.proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' end,
         (select string_agg(setting, ', ' order by setting) from unnest(p.proconfig) as c (setting)),
         'body ' || left(md5(concat_ws(' ', p.prosrc, p.probin, to_jsonb(p) ->> 'prosqlbody')), 12),
         (select format('over %s from %s final %s', a.aggtransfn, coalesce(a.agginitval, 'nothing'), a.aggfinalfn)
          from pg_aggregate a where a.aggfnoid = p.oid))
from pg_proc p
join schemas n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where not exists (select from pg_depend d
                  where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))
