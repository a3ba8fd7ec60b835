with nothing as (insert into {table} ({columns}) select {nulls} where false returning 1)
select count(*) as tried from nothing
