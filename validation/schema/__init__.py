"""What a database is made of: its catalog, its schema as text, one pass over each table."""
