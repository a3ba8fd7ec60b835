with nothing as (delete from {table} where false returning 1)
select count(*) as tried from nothing
