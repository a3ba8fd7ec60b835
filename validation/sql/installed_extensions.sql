select coalesce(json_object_agg(extname, extversion), '{{}}') as extensions from pg_extension
