--: things = "extensions"
--: needed = "each in a version that the server's own files have"
--: fix = "alter extension ... update, or restore to a server of the source's version"
--: as_in_source = "advisory"
select exists (select from pg_available_extension_versions a where a.name = e.extname and a.version = e.extversion) as ok,
       e.extname as extension, e.extversion as installed,
       (select a.default_version from pg_available_extensions a where a.name = e.extname) as of_the_server
from pg_extension e
