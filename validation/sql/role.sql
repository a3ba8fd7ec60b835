-- One role: whether it is there, its attributes, the memberships that are asked for, and privileges on each object.
select r.oid is not null as there,
       r.rolcanlogin as login,
       r.rolsuper as superuser,
       r.rolcreatedb as create_database,
       r.rolcreaterole as create_role,
       r.rolreplication as replication,
       r.rolbypassrls as bypass_rls,
       (select coalesce(json_agg(m.rolname), '[]')
        from pg_roles m
        where m.rolname = any ({member_of}) and pg_has_role(r.oid, m.oid, 'member')) as member_of,
       (select coalesce(json_agg(json_build_object('number', number, 'object', object, 'held', held)
                                 order by number, object), '[]')
        from ({privileges}) as asked (number, object, held)) as privileges
from (values (1)) as one
left join pg_roles r on r.rolname = {role}
