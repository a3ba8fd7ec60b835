-- Views, materialized views and rules.
select identity,
       concat_ws(', ', case relkind when 'v' then 'view' else 'materialized view' end,
                 (select string_agg(option, ', ' order by option) from unnest(reloptions) as o (option)),
                 regexp_replace(ltrim(pg_get_viewdef(oid)), '\s+', ' ', 'g'))
from relations
where relkind in ('v', 'm')
union all
select format('rule %I on %s', r.rulename, c.identity),
       concat_ws(', ', case r.ev_enabled when 'D' then 'DISABLED' when 'R' then 'on replicas only' when 'A' then 'always' end,
                 regexp_replace(pg_get_ruledef(r.oid), '\s+', ' ', 'g'))
from pg_rewrite r
join relations c on c.oid = r.ev_class
where r.rulename <> '_RETURN'
