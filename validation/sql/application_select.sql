select count(*) as tried from (select from {table} limit 0) as nothing
