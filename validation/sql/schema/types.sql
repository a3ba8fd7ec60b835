-- Enumerations, domains, composite types and ranges.
select format('%I.%I', n.name, t.typname),
       case t.typtype
         when 'e' then 'enum ' || coalesce((select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder)
                                            from pg_enum e where e.enumtypid = t.oid), '')
         when 'd' then concat_ws(' ', 'domain over', format_type(t.typbasetype, t.typtypmod),
                                 case when t.typnotnull then 'not null' end, 'default ' || t.typdefault,
                                 (select string_agg(pg_get_constraintdef(k.oid), ' ' order by k.conname)
                                  from pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
         when 'c' then 'composite ' || (select string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
                                                          ', ' order by a.attnum)
                                        from pg_attribute a
                                        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)
         when 'r' then 'range of ' || (select format_type(r.rngsubtype, null) from pg_range r where r.rngtypid = t.oid)
       end
from pg_type t
join schemas n on n.oid = t.typnamespace
where t.typtype in ('e', 'd', 'c', 'r')
  and (t.typrelid = 0 or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
  and not exists (select from pg_depend d
                  where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e')
