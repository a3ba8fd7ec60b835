-- Every kind of object that pg_dump writes and an application can own, with the data that is hardest to carry.
-- Roles are made before (source.py); run as a superuser, so that owners are as in production.

CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE EXTENSION hstore;
CREATE SCHEMA analytics AUTHORIZATION app_owner;
CREATE SCHEMA "Odd.Schema; --" AUTHORIZATION "Odd Role;";
COMMENT ON SCHEMA analytics IS 'Reporting; built nightly -- don''t edit';
GRANT USAGE ON SCHEMA analytics TO app_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA analytics GRANT SELECT ON TABLES TO app_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- types
CREATE TYPE user_role AS ENUM ('guest', 'member', 'it''s "special"; \.', 'admin');
CREATE DOMAIN address AS text CONSTRAINT address_is_hex CHECK (VALUE ~ '^0x[0-9a-f]+$');
CREATE TYPE point3 AS (x double precision, y double precision, "z;" text);
CREATE TYPE price_range AS RANGE (subtype = numeric);
COMMENT ON TYPE user_role IS E'line one;\n\\! touch /tmp/owned\nline three';
CREATE COLLATION analytics.numbers (provider = libc, locale = 'C');
CREATE TEXT SEARCH CONFIGURATION analytics.plain (COPY = simple);

-- functions: bodies that look like the end of something
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  -- a comment; with 'quote' and $$ dollar
  NEW.updated_at := now(); /* lines;
  /* nested; */ */
  RETURN NEW;
END;
$body$;
CREATE FUNCTION looks_like_copy() RETURNS text LANGUAGE plpgsql AS $_$
BEGIN
  RETURN 'x
COPY public.users (id) FROM stdin;
1
\.
' || $x$ nested; $x$;
EXCEPTION WHEN others THEN RETURN 'e';
END $_$;
CREATE FUNCTION backslashes() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT E'\\! id\n\'' || '\' $$;
CREATE FUNCTION atomic_case(a int) RETURNS text LANGUAGE sql
BEGIN ATOMIC
  SELECT CASE WHEN a > 0 THEN 'p;' ELSE (CASE WHEN a = 0 THEN 'z' END) END;
  SELECT 'last;'::text;
END;
CREATE PROCEDURE atomic_nothing() LANGUAGE sql BEGIN ATOMIC SELECT 1; END;
CREATE FUNCTION add_up(state numeric, x numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'select state + coalesce(x, 0)';
CREATE AGGREGATE total(numeric) (SFUNC = add_up, STYPE = numeric, INITCOND = '0');
CREATE FUNCTION same_text(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'select $1 = $2';
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same_text, COMMUTATOR = ===);
ALTER FUNCTION touch() SET search_path TO pg_catalog, public;
ALTER FUNCTION backslashes() OWNER TO app_owner;
GRANT EXECUTE ON FUNCTION backslashes() TO app_reader WITH GRANT OPTION;
REVOKE EXECUTE ON FUNCTION looks_like_copy() FROM PUBLIC;

-- tables: identity, serial, generated, defaults, checks, exclusion, odd storage
CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 5 INCREMENT BY 3) PRIMARY KEY,
  email citext NOT NULL UNIQUE,
  name text COLLATE "C",
  lower_name text GENERATED ALWAYS AS (lower(name)) STORED,
  role user_role NOT NULL DEFAULT 'member',
  wallet address,
  home point3,
  tags text[],
  extra hstore,
  settings jsonb NOT NULL DEFAULT '{}',
  invited_by bigint,
  team_id int,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT name_is_short CHECK (length(name) < 500)
);
CREATE TABLE teams (
  id serial PRIMARY KEY,
  name text NOT NULL,
  lead_id bigint
);
COMMENT ON TABLE users IS E'Users; the "main" table\nsecond line $$ ''q''';
COMMENT ON COLUMN users.email IS 'case-insensitive;';
COMMENT ON CONSTRAINT name_is_short ON users IS 'see ticket; 12';
ALTER TABLE users ALTER settings SET STORAGE EXTERNAL, ALTER name SET STATISTICS 500;
ALTER TABLE users SET (fillfactor = 80, autovacuum_enabled = off);
INSERT INTO users (email, name, role, wallet, home, tags, extra, settings)
SELECT 'user' || g || '@example.com', 'Name ' || g, (enum_range(NULL::user_role))[1 + g % 4], '0x' || md5(g::text),
  ROW(g, 'infinity', E'a\tb')::point3, ARRAY['plain', 'a"b', NULL, '{}', E'\\'], hstore('k' || g, NULL),
  jsonb_build_object('n', g, 'text', E'tab\t\\ "quoted" ü \u2028')
FROM generate_series(1, 800) g;
INSERT INTO teams (name, lead_id) SELECT 'team ' || g, CASE WHEN g % 3 > 0 THEN 5 + 3 * g END FROM generate_series(1, 60) g;
UPDATE users SET invited_by = 5 + 3 * ((id - 5) / 6) WHERE id > 5;
UPDATE users SET team_id = 1 + id % 60;

-- one table with most of the rows, over several blocks; an id out of order
CREATE TABLE transactions (
  id bigserial,
  user_id bigint NOT NULL,
  amount numeric(38,18) NOT NULL,
  memo text,
  metadata jsonb,
  created_at timestamptz NOT NULL
);
INSERT INTO transactions
SELECT g, 5 + 3 * (g % 800), g / 7.0, CASE WHEN g % 3 = 0 THEN repeat('memo ' || g || E'\t\\.\n', 4) END,
  CASE WHEN g % 2 = 0 THEN jsonb_build_object('hash', md5(g::text), 'nested', jsonb_build_array(g, NULL, true)) END,
  timestamptz '2023-01-01' + (g * 27 || ' seconds')::interval
FROM generate_series(1, 24000) g;
SELECT setval('transactions_id_seq', 24000);
ALTER TABLE transactions SET (autovacuum_vacuum_scale_factor = 0.05);

-- values that break naive readers
CREATE TABLE hard_values (
  id int PRIMARY KEY,
  t text,
  b bytea,
  n numeric,
  d double precision,
  ts timestamptz,
  day date,
  net inet,
  bits bit varying,
  x xml,
  r price_range,
  span tstzrange,
  v tsvector,
  u uuid,
  i interval
);
INSERT INTO hard_values (id, t) VALUES
  (1, E'\\.'), (2, ''), (3, NULL), (4, E'\n'), (5, E'\\N'), (6, E'\r\n'), (7, 'COPY public.users (id) FROM stdin;'),
  (8, '--'), (9, ';'), (10, E'\t\t'), (11, '\.' || E'\n\\.\n'), (12, E'\u0001\u001f\u007f'), (13, '𝔘𝔫𝔦 ﷽ é'),
  (14, '-- PostgreSQL database dump complete'), (15, E'\\unrestrict abc\n\\! touch /tmp/owned\n'), (16, E'\\');
INSERT INTO hard_values (id, t, b) VALUES (17, repeat('wide; ', 250000), decode(repeat('00ff5c2e0a', 50000), 'hex'));
INSERT INTO hard_values (id, n, d, ts, day, net, bits, x, r, span, v, u, i) VALUES
  (18, 'NaN', '-Infinity', 'infinity', '-infinity', '10.0.0.0/8', B'0101', '<a b="&lt;">;</a>', '[1.5,)', '(,)', 'a:1A b:2', '00000000-0000-0000-0000-000000000000', '1 mon -2 days 03:00:00.000001'),
  (19, 1e130, 5e-324, '0044-03-15 12:00:00+00 BC', '5874897-12-31', '::1', '', '', 'empty', 'empty', '', NULL, '-178000000 years');
CREATE TABLE one_column (t text);
INSERT INTO one_column VALUES (E'\\.'), (''), (NULL), (E'\n'), ('COPY public.users (id) FROM stdin;'), (';');
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE empty_table (id int PRIMARY KEY, x text);
CREATE TABLE only_generated (a int GENERATED ALWAYS AS (1) STORED);
INSERT INTO only_generated DEFAULT VALUES;
CREATE UNLOGGED TABLE cache (key text PRIMARY KEY, value bytea);
CREATE UNLOGGED TABLE cache_tags (id serial, key text REFERENCES cache, tag text);
CREATE UNLOGGED TABLE a_cache_of_tags (id int GENERATED ALWAYS AS IDENTITY, key text REFERENCES cache);
INSERT INTO cache SELECT 'k' || g, sha256(g::text::bytea) FROM generate_series(1, 50) g;
INSERT INTO cache_tags (key, tag) SELECT 'k' || g, 'tag' FROM generate_series(1, 50) g;
CREATE TABLE "Odd.Schema; --"."Weird ""Table; name" (
  "Col;1" int PRIMARY KEY, "select" text, "tab	col" text, "new
line" text, "Größe" text
);
INSERT INTO "Odd.Schema; --"."Weird ""Table; name" SELECT g, E'\\.', E'a\tb\nc\\.\n', 'x', 'y' FROM generate_series(1, 40) g;
ALTER TABLE "Odd.Schema; --"."Weird ""Table; name" OWNER TO "Odd Role;";
CREATE INDEX "idx; on" ON "Odd.Schema; --"."Weird ""Table; name" (("select" || ';'), "tab	col" DESC);
CREATE TABLE dropped_column (a int, gone text, b text);
INSERT INTO dropped_column SELECT g, 'x', 'b' || g FROM generate_series(1, 20) g;
ALTER TABLE dropped_column DROP COLUMN gone;

-- partitions: range over list, hash, a default; an index and a key that the partitions share
CREATE TABLE events (
  id bigint NOT NULL,
  user_id bigint,
  kind text NOT NULL,
  payload jsonb,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (id, kind, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE SEQUENCE events_id_seq AS bigint INCREMENT BY 10 MAXVALUE 99999999 CYCLE CACHE 5 OWNED BY events.id;
ALTER TABLE events ALTER id SET DEFAULT nextval('events_id_seq');
CREATE TABLE events_2025_01 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01') PARTITION BY LIST (kind);
CREATE TABLE events_2025_01_a PARTITION OF events_2025_01 FOR VALUES IN ('a');
CREATE TABLE events_2025_01_rest PARTITION OF events_2025_01 DEFAULT;
CREATE TABLE events_2025_02 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO ('2025-03-01');
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE INDEX events_user ON events (user_id, occurred_at);
INSERT INTO events (user_id, kind, payload, occurred_at)
SELECT 5 + 3 * (g % 800), chr(97 + g % 3), jsonb_build_object('v', g), timestamptz '2025-01-01' + (g || ' hours')::interval
FROM generate_series(1, 1500) g;
CREATE TABLE hashed (id int PRIMARY KEY, v text) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT g, 'v' || g FROM generate_series(1, 200) g;
CREATE TABLE parent (id int, v text);
CREATE TABLE child (w text) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (2, 'c', 'w');

-- foreign keys: to itself, in a circle, deferred, from and to partitions, never validated
ALTER TABLE users ADD CONSTRAINT users_invited_by FOREIGN KEY (invited_by) REFERENCES users (id);
ALTER TABLE users ADD CONSTRAINT users_team FOREIGN KEY (team_id) REFERENCES teams (id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE teams ADD CONSTRAINT teams_lead FOREIGN KEY (lead_id) REFERENCES users (id) ON DELETE SET NULL;
ALTER TABLE transactions ADD CONSTRAINT transactions_pkey PRIMARY KEY (id);
ALTER TABLE transactions ADD CONSTRAINT transactions_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE RESTRICT;
ALTER TABLE events ADD CONSTRAINT events_user FOREIGN KEY (user_id) REFERENCES users (id);
CREATE TABLE hashed_notes (id int REFERENCES hashed (id), note text);
INSERT INTO hashed_notes SELECT g, 'n' FROM generate_series(1, 30) g;
CREATE TABLE orphans (user_id bigint);
INSERT INTO orphans VALUES (999999999);
ALTER TABLE orphans ADD CONSTRAINT orphans_user FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE orphans ADD CONSTRAINT orphans_small CHECK (user_id < 1000) NOT VALID;
ALTER TABLE transactions ADD CONSTRAINT amount_positive CHECK (amount > 0) NOT VALID;

-- indexes and what hangs on them
CREATE UNIQUE INDEX transactions_partial ON transactions (user_id, id) WHERE memo IS NOT NULL;
CREATE INDEX transactions_created ON transactions USING brin (created_at);
CREATE INDEX transactions_metadata ON transactions USING gin (metadata jsonb_path_ops);
CREATE INDEX transactions_covering ON transactions (user_id) INCLUDE (amount);
CREATE INDEX users_name_trgm ON users USING gin (name gin_trgm_ops);
ALTER TABLE users CLUSTER ON users_pkey;
CREATE TABLE bookings (id int PRIMARY KEY, room int, during tstzrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO bookings SELECT g, g % 5, tstzrange(timestamptz '2025-01-01' + g * interval '1 day', timestamptz '2025-01-02' + g * interval '1 day') FROM generate_series(1, 50) g;
ALTER TABLE bookings REPLICA IDENTITY USING INDEX bookings_pkey;
ALTER TABLE orphans REPLICA IDENTITY FULL;
COMMENT ON INDEX transactions_covering IS 'covering;';
CREATE STATISTICS transactions_stats (ndistinct, mcv) ON user_id, created_at FROM transactions;
ALTER STATISTICS transactions_stats SET STATISTICS 200;
CREATE STATISTICS "expr; stats" ON (amount % 10), user_id FROM transactions;

-- triggers that would change the data if they fired during the load
CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.memo := 'spoiled'; RETURN NEW; END $$;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no; never'; END $$;
CREATE TRIGGER spoil BEFORE INSERT OR UPDATE ON transactions FOR EACH ROW EXECUTE FUNCTION spoil();
CREATE TRIGGER always BEFORE INSERT ON teams FOR EACH ROW EXECUTE FUNCTION refuse();
ALTER TABLE teams ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE users DISABLE TRIGGER off;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id < 0) EXECUTE FUNCTION refuse();
CREATE TRIGGER statement AFTER TRUNCATE ON empty_table EXECUTE FUNCTION refuse();
CREATE TRIGGER everywhere BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse();

-- row level security
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON users FOR SELECT TO app_reader USING (name = CURRENT_USER);
CREATE POLICY staff ON users AS RESTRICTIVE USING (role <> 'guest') WITH CHECK (true);
ALTER TABLE bookings ENABLE ROW LEVEL SECURITY;
ALTER TABLE bookings FORCE ROW LEVEL SECURITY;

-- views, rules, materialized views upon each other
CREATE VIEW active_users WITH (security_barrier = true) AS SELECT id, email, name FROM users WHERE role <> 'guest';
CREATE RULE active_users_insert AS ON INSERT TO active_users DO INSTEAD (SELECT 1; SELECT 'x;';);
CREATE RECURSIVE VIEW counted (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 10;
CREATE MATERIALIZED VIEW user_volume AS SELECT user_id, count(*) AS n, sum(amount) AS total FROM transactions GROUP BY user_id;
CREATE UNIQUE INDEX user_volume_pk ON user_volume (user_id);
CREATE MATERIALIZED VIEW analytics.top_users AS SELECT * FROM user_volume WHERE n > 1;
CREATE MATERIALIZED VIEW analytics.never_filled AS SELECT id FROM users WITH NO DATA;
COMMENT ON MATERIALIZED VIEW user_volume IS 'volume;';

-- what presumes a primary key, and what presumes that: pg_dump writes it behind the data
CREATE TABLE shops (id int PRIMARY KEY, name text NOT NULL, parent int REFERENCES shops);
CREATE TABLE sales (id bigserial PRIMARY KEY, shop int NOT NULL REFERENCES shops, amount numeric NOT NULL);
INSERT INTO shops SELECT g, 'shop ' || g, nullif(g / 2, 0) FROM generate_series(1, 40) g;
INSERT INTO sales (shop, amount) SELECT 1 + g % 40, g FROM generate_series(1, 500) g;
CREATE MATERIALIZED VIEW sales_by_shop AS
  SELECT shops.id, shops.name, sum(amount) AS total FROM shops JOIN sales ON shop = shops.id GROUP BY shops.id;
CREATE UNIQUE INDEX sales_by_shop_id ON sales_by_shop (id);
COMMENT ON INDEX sales_by_shop_id IS 'of a view;';
CREATE STATISTICS sales_by_shop_both ON name, total FROM sales_by_shop;
CREATE VIEW shop_totals AS SELECT shops.id, shops.name, count(*) AS n FROM shops JOIN sales ON shop = shops.id GROUP BY shops.id;
CREATE MATERIALIZED VIEW kept_totals AS SELECT * FROM shop_totals;
CREATE INDEX kept_totals_n ON kept_totals (n);
CREATE FUNCTION shop_name(key int) RETURNS text LANGUAGE sql IMMUTABLE
  BEGIN ATOMIC SELECT shops.name FROM shops WHERE id = key GROUP BY shops.id; END;
CREATE TABLE named (shop int CHECK (shop_name(shop) IS DISTINCT FROM 'none'));
INSERT INTO named SELECT g FROM generate_series(1, 40) g;
CREATE INDEX named_by_name ON named (shop_name(shop));
GRANT SELECT ON sales_by_shop, shop_totals TO app_reader;

-- what later majors brought
SELECT current_setting('server_version_num')::int >= 150000 AS since_15,
  current_setting('server_version_num')::int >= 180000 AS since_18 \gset
\if :since_15
CREATE UNLOGGED SEQUENCE forgetful;
SELECT setval('forgetful', 12);
ALTER TABLE teams ADD UNIQUE NULLS NOT DISTINCT (name, lead_id);
CREATE VIEW teams_as_invoker WITH (security_invoker) AS SELECT * FROM teams;
\endif
\if :since_18
CREATE TABLE stays (
  room int,
  during tstzrange,
  nights int,
  twice int GENERATED ALWAYS AS (nights * 2) VIRTUAL,
  PRIMARY KEY (room, during WITHOUT OVERLAPS)
);
INSERT INTO stays SELECT g, tstzrange(now(), now() + interval '1 day'), g FROM generate_series(1, 20) g;
CREATE TABLE nightly (room int, during tstzrange, FOREIGN KEY (room, PERIOD during) REFERENCES stays (room, PERIOD during));
ALTER TABLE stays ADD CONSTRAINT nights_known NOT NULL nights NOT VALID;
\endif

-- sequences: never called, called once, descending
CREATE SEQUENCE never_called START 42;
CREATE SEQUENCE called_once;
SELECT nextval('called_once');
CREATE SEQUENCE down AS smallint INCREMENT -1 MINVALUE -100 MAXVALUE -1;
SELECT setval('down', -7, false);

-- large objects
SELECT lo_from_bytea(50001, convert_to(repeat('large object; ', 30000), 'UTF8'));
SELECT lo_from_bytea(50002, sha256('x'));
SELECT lo_create(50003);
ALTER LARGE OBJECT 50001 OWNER TO app_owner;
GRANT SELECT ON LARGE OBJECT 50001 TO app_reader;
COMMENT ON LARGE OBJECT 50002 IS 'a picture;';

-- owners and grants
ALTER TABLE transactions OWNER TO app_owner;
ALTER TABLE events OWNER TO app_owner;
ALTER MATERIALIZED VIEW user_volume OWNER TO app_owner;
ALTER TYPE user_role OWNER TO app_owner;
GRANT SELECT, INSERT ON users TO app_reader;
GRANT UPDATE (name, role) ON users TO app_reader;
GRANT SELECT ON transactions TO app_reader WITH GRANT OPTION;
GRANT SELECT ON user_volume TO app_reader, PUBLIC;
GRANT USAGE ON SEQUENCE transactions_id_seq TO app_reader;
GRANT USAGE ON TYPE price_range TO app_reader;
REVOKE ALL ON TABLE orphans FROM PUBLIC;
