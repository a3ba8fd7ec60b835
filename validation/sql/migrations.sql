-- Prisma's table. Without the column logs: it can hold statements with data in them.
select coalesce(json_agg(json_build_object(
         'name', migration_name,
         'checksum', checksum,
         'started', extract(epoch from started_at),
         'finished', extract(epoch from finished_at),
         'rolled_back', extract(epoch from rolled_back_at)
       ) order by started_at, migration_name), '[]') as migrations
from {table}
