-- A database as years of use leave it: pg_dump takes it without a word, and no server takes all of it back. Run by a
-- superuser. What each part is an example of stands in front of it.
CREATE TABLE users (id int CONSTRAINT users_pkey PRIMARY KEY, email text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int CONSTRAINT orders_user REFERENCES users (id), at date);
INSERT INTO users SELECT g, 'user ' || g FROM generate_series(1, 500) g;
INSERT INTO orders SELECT g, 1 + g % 500, '2026-01-01' FROM generate_series(1, 500) g;
CREATE VIEW recent AS SELECT id, at FROM orders WHERE at > '2020-01-01';
CREATE INDEX orders_at ON orders (at);

-- rows without their parent (github.com/dimitri/pgcopydb/issues/820)
SET session_replication_role = replica;
INSERT INTO orders VALUES (501, 9001, '2026-01-02'), (502, 9002, '2026-01-02');
RESET session_replication_role;

-- an index that was corrupt: a key twice (github.com/ansible/awx-operator/issues/826)
CREATE TABLE keys (id int CONSTRAINT keys_pkey PRIMARY KEY, name text);
CREATE TABLE key_uses (key_id int CONSTRAINT key_uses_key REFERENCES keys (id));
INSERT INTO keys SELECT g, 'key ' || g FROM generate_series(1, 20) g;
INSERT INTO key_uses VALUES (3);
UPDATE pg_index SET indisunique = false, indisready = false, indisprimary = false WHERE indexrelid = 'keys_pkey'::regclass;
INSERT INTO keys VALUES (7, 'again');
UPDATE pg_index SET indisunique = true, indisready = true, indisprimary = true WHERE indexrelid = 'keys_pkey'::regclass;

-- a check that got stricter after the rows had come
CREATE FUNCTION is_age(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < 1000';
CREATE TABLE people (id int, age int CONSTRAINT people_age CHECK (public.is_age(age)));
INSERT INTO people SELECT g, CASE WHEN g IN (40, 90) THEN 969 ELSE g END FROM generate_series(1, 100) g;
CREATE OR REPLACE FUNCTION is_age(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < 200';

-- functions that find their own by search_path (github.com/zachasme/h3-pg/issues/168, stac-utils/pgstac issue 64)
CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE FUNCTION slugify(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN regexp_replace(fold($1), '[^a-z0-9]+', '-', 'g'); END $$;
CREATE TABLE articles (id int PRIMARY KEY, name text, slug text GENERATED ALWAYS AS (public.slugify(name)) STORED);
INSERT INTO articles (id, name) SELECT g, 'Article ' || g FROM generate_series(1, 10) g;

-- a publication of all tables, which superusers alone may make (github.com/neondatabase/neon/issues/6229)
CREATE PUBLICATION everything FOR ALL TABLES;
COMMENT ON PUBLICATION everything IS 'to the warehouse';

-- a grant on what is the server's own (github.com/MicrosoftDocs/azure-docs/issues/100198)
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO app_reader;
ALTER TABLE users OWNER TO app_owner;
