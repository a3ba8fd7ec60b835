"""The forms of the statements that pg_dump writes, by kind; read from its source (src/bin/pg_dump/pg_dump.c).

`%I` stands for an identifier, `%N` for one that may be schema-qualified, `%R` for a role. The first that fits counts.
"""

from __future__ import annotations

import re

from restore.dumps.sql.splitter import IDENTIFIER, INSERT

ROLE = rb"(?:PUBLIC|CURRENT_USER|SESSION_USER|DEFAULT|%b)" % IDENTIFIER
NAME = rb"%(i)s(?:\.%(i)s)?" % {b"i": IDENTIFIER}


def _rule(kind: str, pattern: bytes) -> tuple[str, re.Pattern[bytes]]:
    for mark, meaning in ((b"%R", ROLE), (b"%N", NAME), (b"%I", IDENTIFIER)):
        pattern = pattern.replace(mark, meaning)
    return kind, re.compile(pattern, re.DOTALL)


INDEX = (
    rb"CREATE (?:UNIQUE )?INDEX (?P<name>%I) ON (?P<only>ONLY )?(?P<table>%N) USING (?P<method>%I)"
    rb" (?P<columns>\(.*)\Z"
)
SETVAL = rb"SELECT pg_catalog\.setval\('(?P<sequence>(?:[^'\\]|'')+)', (?P<last>-?\d+), (?P<called>true|false)\)\Z"
OWNED = (
    rb"ALTER (?:AGGREGATE|COLLATION|CONVERSION|DOMAIN|FUNCTION|PROCEDURE|MATERIALIZED VIEW|OPERATOR(?: CLASS| FAMILY)?"
    rb"|PUBLICATION|SCHEMA|SEQUENCE|STATISTICS|TABLE|TEXT SEARCH (?:CONFIGURATION|DICTIONARY)|TYPE|VIEW)"
)
TABLE = rb"ALTER TABLE (?:ONLY )?(?P<table>%N)\s+"
FOREIGN_KEY = rb"ADD CONSTRAINT (?P<name>%I) FOREIGN KEY "
COLUMN_CHANGE = (
    rb"(?:SET DEFAULT .*|SET STATISTICS -?\d+|SET STORAGE [A-Z]+|SET COMPRESSION [a-z0-9]+|SET NOT NULL|SET \(.*\)"
    rb"|ADD GENERATED (?:ALWAYS|BY DEFAULT) AS IDENTITY \(.*\)|OPTIONS \(.*\))"
)
DROP = (
    rb"DROP (?:ACCESS METHOD|AGGREGATE|CAST|COLLATION|CONVERSION|DOMAIN|EVENT TRIGGER|EXTENSION|FOREIGN (?:DATA WRAPPER"
    rb"|TABLE)|FUNCTION|INDEX|(?:PROCEDURAL )?LANGUAGE|MATERIALIZED VIEW|OPERATOR(?: CLASS| FAMILY)?|POLICY|PROCEDURE"
    rb"|PUBLICATION|RULE|SCHEMA|SEQUENCE|SERVER|STATISTICS|SUBSCRIPTION|TABLE|TEXT SEARCH (?:CONFIGURATION|DICTIONARY"
    rb"|PARSER|TEMPLATE)|TRANSFORM|TRIGGER|TYPE|USER MAPPING|VIEW) .*\Z"
)
DUMMY_VIEW = rb"CREATE OR REPLACE VIEW %N AS\nSELECT\n    NULL::.*\Z"
"""With --clean it takes the place of a view's query that presumes what is dropped next."""
UNLINK = rb"(?:\('\d+'\)|\(oid\) FROM pg_catalog\.pg_largeobject_metadata WHERE oid = '\d+')"
RULES = (
    _rule("set", rb"SET (?P<name>[a-z_]+) = (?P<value>[^;]*)\Z"),
    _rule("search_path", rb"SELECT pg_catalog\.set_config\('search_path', '', false\)\Z"),
    _rule("setval", SETVAL),
    _rule("insert", INSERT + rb"\Z"),
    _rule("statistics_data", rb"SELECT \* FROM pg_catalog\.pg_restore_(?:relation|attribute|extended)_stats\(.*\)\Z"),
    _rule("begin", rb"BEGIN\Z"),
    _rule("commit", rb"COMMIT\Z"),
    _rule("session_authorization", rb"SET SESSION AUTHORIZATION (?:'(?P<quoted>(?:[^'\\]|'')+)'|(?P<role>%R))\Z"),
    _rule("reset_authorization", rb"RESET SESSION AUTHORIZATION\Z"),
    _rule("large_object", rb"SELECT pg_catalog\.lo_(?P<call>create|open|close)\('?\d+'?(?:, \d+)?\)\Z"),
    _rule("large_object", rb"SELECT pg_catalog\.(?P<call>lowrite)\(0, '\\x[0-9a-f]*'\)\Z"),
    _rule("owner", rb"ALTER LARGE OBJECT \d+ OWNER TO (?P<role>%R)\Z"),
    _rule(
        "foreign_key",
        TABLE + FOREIGN_KEY + rb"\([^()]*\) REFERENCES (?P<other>%N)\s*\([^()]*\)(?P<rest>[A-Z ]*)\Z",
    ),
    _rule("foreign_key", TABLE + FOREIGN_KEY + rb"\(.*\) REFERENCES (?P<other>%N)(?P<rest>.*)\Z"),
    _rule(
        "key",
        TABLE + rb"ADD CONSTRAINT (?P<name>%I) (?P<type>PRIMARY KEY|UNIQUE) (?P<columns>\(%I(?:, %I)*\))\Z",
    ),
    _rule("constraint", TABLE + rb"ADD CONSTRAINT (?P<name>%I) (?:PRIMARY KEY|UNIQUE|CHECK|EXCLUDE|NOT NULL)\b.*\Z"),
    _rule("index", INDEX),
    _rule("ddl", rb"ALTER INDEX %N (?:ATTACH PARTITION %N|ALTER COLUMN \d+ SET STATISTICS \d+)\Z"),
    _rule("refresh", rb"REFRESH MATERIALIZED VIEW (?P<table>%N)\Z"),
    _rule("event_trigger", rb"CREATE EVENT TRIGGER %I ON [a-z_]+\s.*EXECUTE (?:FUNCTION|PROCEDURE) %N\(\)\Z"),
    _rule("event_trigger", rb"ALTER EVENT TRIGGER %I (?:DISABLE|ENABLE(?: ALWAYS| REPLICA)?|OWNER TO (?P<role>%R))\Z"),
    _rule("event_trigger", rb"COMMENT ON EVENT TRIGGER %I IS .*\Z"),
    _rule("subscription", rb"(?:CREATE|ALTER) SUBSCRIPTION .*\Z|COMMENT ON SUBSCRIPTION .*\Z"),
    _rule("foreign", rb"(?:CREATE|ALTER) (?:FOREIGN DATA WRAPPER|SERVER|USER MAPPING|FOREIGN TABLE) .*\Z"),
    _rule("security_label", rb"SECURITY LABEL .*\Z"),
    _rule("language", rb"CREATE (?:OR REPLACE )?(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE .*\Z"),
    _rule("extension_comment", rb"COMMENT ON EXTENSION (?P<name>%I) IS (?P<text>'(?:[^']|'')*'|NULL)\Z"),
    _rule("extension", rb"CREATE EXTENSION IF NOT EXISTS (?P<name>%I)(?: WITH SCHEMA (?P<schema>%I))?\Z"),
    _rule("table", rb"CREATE (?:UNLOGGED )?TABLE (?P<table>%N) (?:\(|PARTITION OF |OF ).*\Z"),
    _rule("matview", rb"CREATE MATERIALIZED VIEW (?P<table>%N) .*\Z"),
    _rule("function", rb"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) (?P<function>%N)\s?\(.*\Z"),
    _rule("schema", rb"CREATE SCHEMA %I(?: AUTHORIZATION (?P<role>%R))?\Z"),
    _rule("policy", rb"CREATE POLICY %I ON %N (?:AS RESTRICTIVE )?(?:FOR [A-Z]+ )?(?:TO (?P<roles>%R(?:, %R)*))?.*\Z"),
    _rule("publication", rb"(?:CREATE|ALTER) PUBLICATION (?:(?! OWNER TO ).)*\Z|COMMENT ON PUBLICATION .*\Z"),
    _rule("owner", OWNED + rb" .* OWNER TO (?P<role>%R)\Z"),
    _rule("ddl", TABLE + rb"ALTER COLUMN %I " + COLUMN_CHANGE + rb"\Z"),
    _rule(
        "ddl",
        TABLE + rb"(?:ATTACH PARTITION .*|INHERIT %N|CLUSTER ON %I|SET WITHOUT (?:OIDS|CLUSTER)|SET \(.*\)"
        rb"|SET ACCESS METHOD %I|REPLICA IDENTITY (?:FULL|NOTHING|DEFAULT|USING INDEX %I)"
        rb"|(?:NO )?FORCE ROW LEVEL SECURITY"
        rb"|(?:ENABLE|DISABLE)(?: ALWAYS| REPLICA)? (?:ROW LEVEL SECURITY|(?:TRIGGER|RULE) %I))\Z",
    ),
    _rule("ddl", rb"ALTER SEQUENCE %N OWNED BY (?:NONE|%I\.%I\.%I)\Z"),
    _rule("ddl", rb"ALTER DOMAIN %N\s+ADD CONSTRAINT .*\Z"),
    _rule("ddl", rb"ALTER STATISTICS %N SET STATISTICS \d+\Z"),
    _rule("ddl", rb"ALTER OPERATOR FAMILY .* ADD\s.*\Z"),
    _rule("ddl", rb"ALTER TEXT SEARCH CONFIGURATION %N\s+ADD MAPPING .*\Z"),
    _rule("ddl", rb"ALTER (?:FUNCTION|PROCEDURE|TRIGGER|INDEX|MATERIALIZED VIEW) .* DEPENDS ON EXTENSION %I\Z"),
    _rule("base_type", rb"CREATE TYPE %N(?: \(\s*INTERNALLENGTH .*)?\Z"),
    _rule("ddl", rb"CREATE TYPE %N AS (?:ENUM |RANGE )?\(.*\Z"),
    _rule("drop", DUMMY_VIEW),
    _rule("ddl", rb"CREATE (?:OR REPLACE )?(?:VIEW|RULE|TRIGGER|TRANSFORM|RECURSIVE VIEW) .*\Z"),
    _rule(
        "ddl",
        rb"CREATE (?:AGGREGATE|DOMAIN|SEQUENCE|UNLOGGED SEQUENCE|STATISTICS|CAST|COLLATION|(?:DEFAULT )?CONVERSION"
        rb"|OPERATOR|TEXT SEARCH (?:CONFIGURATION|DICTIONARY|PARSER|TEMPLATE)|CONSTRAINT TRIGGER|ACCESS METHOD) .*\Z",
    ),
    _rule("constraint_comment", rb"COMMENT ON CONSTRAINT .*\Z"),
    _rule("ddl", rb"COMMENT ON (?!DATABASE|ROLE|TABLESPACE|EXTENSION|EVENT|SUBSCRIPTION)[A-Z]+ .*\Z"),
    _rule("acl", rb"(?P<grantor>ALTER DEFAULT PRIVILEGES FOR ROLE (?P<maker>%R) (?:IN SCHEMA %I )?)?"
          rb"(?:GRANT|REVOKE)\s.*\s(?:TO|FROM) (?P<role>%R)(?: WITH GRANT OPTION)?\Z"),
    _rule("drop", DROP),
    _rule("drop", rb"ALTER (?:TABLE|DOMAIN) (?:IF EXISTS )?(?:ONLY )?%N DROP CONSTRAINT (?:IF EXISTS )?%I\Z"),
    _rule("drop", rb"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?%N ALTER COLUMN %I DROP DEFAULT\Z"),
    _rule("drop", rb"SELECT pg_catalog\.lo_unlink" + UNLINK + rb"\Z"),
)  # fmt: skip
