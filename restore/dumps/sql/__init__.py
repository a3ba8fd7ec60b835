"""What pg_dump writes: SQL text cut into statements, and the list of those that may run. Pure."""
