"""Which object a statement is about: its kind, in the words of the evidence, and its name. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from restore.dumps.sql import encodings
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.grammar import NAME
from restore.dumps.sql.role_names import unquote
from restore.dumps.sql.splitter import IDENTIFIER

LONGEST_NAME = 150
SECRET = frozenset({"foreign", "subscriptions"})
"""Their options and connection strings can hold passwords."""
SYSTEM = rb"(?:\w+ )*(?:pg_catalog|information_schema)\."


@dataclass(frozen=True)
class DumpObject:
    """`kind` is in the plural, as in a problem's name; `name` as pg_dump writes it."""

    kind: str
    name: str


def _form(kind: str, pattern: bytes, name: str = "{name}") -> tuple[str, re.Pattern[bytes], str]:
    for mark, meaning in ((b"%N", NAME), (b"%I", IDENTIFIER), (b"%S", SYSTEM)):
        pattern = pattern.replace(mark, meaning)
    return kind, re.compile(pattern, re.DOTALL), name


ON = "{name} on {table}"
TABLE = rb"ALTER (?:FOREIGN )?TABLE (?:ONLY )?(?P<table>%N)\s+"
FORMS = (
    _form("comments", rb"COMMENT ON (?P<name>.*?) IS "),
    _form("settings", rb"SET (?P<name>[a-z_]+) ="),
    _form("publications", rb"(?:CREATE|ALTER) PUBLICATION (?P<name>%I)"),
    _form("subscriptions", rb"(?:CREATE|ALTER) SUBSCRIPTION (?P<name>%I)"),
    _form("foreign", rb"(?:CREATE|ALTER) (?P<name>(?:FOREIGN DATA WRAPPER|SERVER|FOREIGN TABLE) %N)"),
    _form("foreign", rb"(?:CREATE|ALTER) (?P<name>USER MAPPING FOR .*? SERVER %I)"),
    _form("security_labels", rb"SECURITY LABEL .* ON (?P<name>.*?) IS "),
    _form("statistics", rb"(?:CREATE|ALTER) STATISTICS (?P<name>%N)(?! OWNER)"),
    _form("statistics", rb"ALTER (?:TABLE (?:ONLY )?|INDEX )(?P<name>%N)\s+ALTER COLUMN \S+ SET STATISTICS "),
    _form("statistics", rb"ANALYZE (?P<name>%N)"),
    _form("system_grants", rb"(?:GRANT|REVOKE) .*?\sON (?P<name>%S.*?) (?:TO|FROM) "),
    _form("system_grants", rb"(?:GRANT|REVOKE) .*?\sON (?P<name>(?:LANGUAGE|SCHEMA (?:pg_catalog|information_schema))"
          rb"\b.*?) (?:TO|FROM) "),
    _form("grants", rb"ALTER DEFAULT PRIVILEGES (?P<name>FOR ROLE .*?) (?:GRANT|REVOKE) ", "default privileges {name}"),
    _form("grants", rb"(?:GRANT|REVOKE) .*?\sON (?P<name>.*?) (?:TO|FROM) "),
    _form("owners", rb"ALTER (?P<name>.*) OWNER TO "),
    _form("policies", rb"CREATE POLICY (?P<name>%I) ON (?P<table>%N)", ON),
    _form("policies", rb"ALTER TABLE (?:ONLY )?(?P<name>%N) (?:ENABLE|FORCE|NO FORCE) ROW LEVEL SECURITY"),
    _form("triggers", rb"CREATE EVENT TRIGGER (?P<name>%I)"),
    _form("triggers", rb"ALTER EVENT TRIGGER (?P<name>%I)"),
    _form("triggers", rb"CREATE (?:CONSTRAINT )?TRIGGER (?P<name>%I) .*?\sON (?P<table>%N)\s", ON),
    _form("triggers", TABLE + rb"(?:ENABLE|DISABLE)(?: ALWAYS| REPLICA)? TRIGGER (?P<name>%I)", ON),
    _form("rules", rb"CREATE (?:OR REPLACE )?RULE (?P<name>%I) AS\s+ON \w+ TO (?P<table>%N)", ON),
    _form("rules", TABLE + rb"(?:ENABLE|DISABLE)(?: ALWAYS| REPLICA)? RULE (?P<name>%I)", ON),
    _form("keys", TABLE + rb"ADD CONSTRAINT (?P<name>%I) (?:PRIMARY KEY|UNIQUE|FOREIGN KEY)\b", ON),
    _form("constraints", TABLE + rb"(?:ADD|VALIDATE) CONSTRAINT (?P<name>%I)", ON),
    _form("constraints", rb"ALTER DOMAIN (?P<table>%N)\s+ADD CONSTRAINT (?P<name>%I)", ON),
    _form("indexes", rb"CREATE (?:UNIQUE )?INDEX (?P<name>%I) ON (?:ONLY )?(?P<table>%N)", ON),
    _form("indexes", rb"ALTER INDEX (?P<name>%N)"),
    _form("storage", TABLE + rb"(?:ALTER COLUMN (?P<name>%I) (?:SET STORAGE|SET COMPRESSION|SET \()|(?:CLUSTER ON|SET"
          rb" WITHOUT|SET \(|SET ACCESS METHOD))", "{table}"),
    _form("sequences", TABLE + rb"ALTER COLUMN (?P<name>%I) ADD GENERATED ", "of {table}.{name}"),
    _form("defaults", TABLE + rb"ALTER COLUMN (?P<name>%I) SET DEFAULT", "{table}.{name}"),
    _form("sequences", rb"(?:CREATE|ALTER) (?:UNLOGGED )?SEQUENCE (?P<name>%N)"),
    _form("sequences", rb"SELECT pg_catalog\.setval\('(?P<name>(?:[^']|'')+)'"),
    _form("tables", rb"CREATE (?:UNLOGGED )?TABLE (?P<name>%N)"),
    _form("tables", TABLE, "{table}"),
    _form("views", rb"CREATE (?:OR REPLACE )?(?:RECURSIVE |MATERIALIZED )?VIEW (?P<name>%N)"),
    _form("views", rb"REFRESH MATERIALIZED VIEW (?P<name>%N)"),
    _form("functions", rb"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE|AGGREGATE) (?P<name>%N)"),
    _form("types", rb"CREATE (?:TYPE|DOMAIN|COLLATION) (?P<name>%N)"),
    _form("schemas", rb"CREATE SCHEMA (?P<name>%I)"),
    _form("extensions", rb"CREATE EXTENSION IF NOT EXISTS (?P<name>%I)"),
    _form("languages", rb"CREATE (?:OR REPLACE )?(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE (?P<name>%I)"),
    _form("large_objects", rb"SELECT pg_catalog\.lo_\w+\('?(?P<name>\d+)"),
    _form("rows", rb"INSERT INTO (?P<name>%N)"),
)  # fmt: skip
"""The first that fits counts."""
OTHER = re.compile(rb"(?:CREATE|ALTER) (?P<name>.*)", re.DOTALL)


def name_object(sql: bytes, codec: str) -> DumpObject:
    """Returns what a statement is about; of kind `objects` where no form fits."""
    for kind, pattern, name in FORMS:
        if match := pattern.match(sql):
            parts = {key: _flatten(value or b"", codec) for key, value in match.groupdict().items()}
            if kind == "constraints":  # as pg_constraint has it, by which a comparison names it
                parts["name"] = unquote(parts["name"])
            return DumpObject(kind, name.format(**parts)[:LONGEST_NAME])
    other = OTHER.match(sql)
    return DumpObject("objects", _flatten(other["name"] if other else sql, codec)[:LONGEST_NAME])


def name_statement(classified: ClassifiedStatement) -> DumpObject:
    """Returns what a classified statement is about."""
    return name_object(classified.sql, classified.statement.codec)


def show_sql(sql: bytes, codec: str) -> str:
    """Returns a statement to be run later; "" for one that may hold a password."""
    return "" if name_object(sql, codec).kind in SECRET else encodings.decode(sql, codec)


def _flatten(text: bytes, codec: str) -> str:
    return " ".join(encodings.decode(text, codec).split())
