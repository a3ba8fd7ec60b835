-- Row-level security policies; whether a table applies them is in tables.
select format('%I on %s', p.polname, c.identity),
       concat_ws(' ',
         case when p.polpermissive then 'permissive' else 'restrictive' end,
         case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
                       else 'all' end,
         'to ' || (select string_agg(case when role = 0 then 'public' else role::regrole::text end, ', ' order by role::regrole::text)
                   from unnest(p.polroles) as r (role)),
         'using ' || pg_get_expr(p.polqual, p.polrelid),
         'with check ' || pg_get_expr(p.polwithcheck, p.polrelid))
from pg_policy p
join relations c on c.oid = p.polrelid
