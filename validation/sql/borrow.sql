-- In a schema of its own: nothing that the database brings along can be taken for the extension's.
create extension {extension} schema {schema}
