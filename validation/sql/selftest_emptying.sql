-- Statements that empty the database.
select format('alter database %I reset all', current_database())
union all
select format('drop publication %I', pubname) from pg_publication
union all
select format('drop schema %I cascade', nspname) from pg_namespace
where nspname !~ '^pg_' and nspname <> 'information_schema'
union all
select 'create schema public'
union all
select 'grant usage on schema public to public'
