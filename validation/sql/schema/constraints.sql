-- Primary, unique and foreign keys, checks and exclusions; NOT VALID is part of the definition.
-- A foreign key that a partition has from its root comes with the root.
-- Not-null constraints, which have names since PostgreSQL 18, are part of the columns.
select format('%I on %s', k.conname, c.identity), pg_get_constraintdef(k.oid)
from pg_constraint k
join relations c on c.oid = k.conrelid
where k.contype in ('c', 'f', 'p', 'u', 'x')
  and not (k.contype = 'f' and k.conparentid <> 0)
