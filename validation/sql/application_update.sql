with nothing as (update {table} set {column} = null where false returning 1)
select count(*) as tried from nothing
