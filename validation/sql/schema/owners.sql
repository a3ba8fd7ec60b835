-- Who owns what: an owner may do all, and is whom policies let through.
select 'schema ' || quote_ident(name), quote_ident(pg_get_userbyid(owner)) from schemas
union all
select case when relkind = 'S' then 'sequence ' when relkind in ('v', 'm') then 'view ' else 'table ' end || identity,
       quote_ident(pg_get_userbyid(relowner))
from relations
where relkind in ('r', 'p', 'f', 'v', 'm', 'S')
union all
select format('function %I.%I(%s)', n.name, p.proname, pg_get_function_identity_arguments(p.oid)),
       quote_ident(pg_get_userbyid(p.proowner))
from pg_proc p
join schemas n on n.oid = p.pronamespace
where not exists (select from pg_depend d
                  where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))
