select exists (select 1 from {table}) as has_rows
