"""What a database holds, in a form that can be compared: is this load the same as that one?

Rows are hashed by the server, whatever their order. Definitions, owners, grants and comments are compared as the text
that pg_dump writes of them, without its random key. The loader's mark on a loaded database doesn't count.
"""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

RANDOM_KEY = re.compile(r"^\\(un)?restrict .*\n", re.MULTILINE)
RELATIONS: LiteralString = """
  SELECT n.nspname, c.relname, c.relkind::text, c.relispopulated
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 'S') AND n.nspname !~ '^pg_|^information_schema$' AND n.nspname <> ALL (%s)
  ORDER BY 1, 2
"""
ROWS: LiteralString = """
  SELECT count(*), coalesce(sum(pg_catalog.hashtextextended(t::pg_catalog.text, 0)::pg_catalog.numeric), 0)::text
  FROM ONLY {} t
"""
SEQUENCE: LiteralString = "SELECT last_value, is_called FROM {}"
LARGE_OBJECTS: LiteralString = """
  SELECT m.oid::text, pg_get_userbyid(m.lomowner), m.lomacl::text, md5(lo_get(m.oid)),
    obj_description(m.oid, 'pg_largeobject')
  FROM pg_catalog.pg_largeobject_metadata m ORDER BY 1
"""
INVALID: LiteralString = """
  SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i
  WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
  ORDER BY 1
"""
SETTINGS: LiteralString = """
  SELECT coalesce(r.rolname, ''), setting
  FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS setting
  JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  WHERE d.datname = current_database() AND setting NOT LIKE 'pulumi_restore.%'
  ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Content:
    """Rows and hash by table (and materialized view), state by sequence, and the rest."""

    relations: Mapping[str, tuple[object, ...]]
    large_objects: Mapping[str, tuple[object, ...]]
    invalid_indexes: tuple[str, ...]
    settings: tuple[tuple[object, ...], ...]
    definitions: str = field(repr=False)

    @property
    def rows(self) -> int:
        return sum(int(str(facts[1])) for facts in self.relations.values() if facts[0] == "r")


def read(session: psycopg.Connection[TupleRow], pg_dump: Path, without: tuple[str, ...] = ()) -> Content:
    """The content of the session's database, but for the schemas `without`. The session must see all rows."""
    session.execute("SET search_path = ''; SET timezone = 'UTC'; SET extra_float_digits = 3; SET row_security = off")
    relations = {
        f"{schema}.{name}": _facts(session, sql.Identifier(schema, name), kind, populated)
        for schema, name, kind, populated in session.execute(RELATIONS, [list(without)]).fetchall()
    }
    return Content(
        relations,
        {str(oid): tuple(facts) for oid, *facts in session.execute(LARGE_OBJECTS).fetchall()},
        tuple(name for (name,) in session.execute(INVALID).fetchall()),
        tuple(session.execute(SETTINGS).fetchall()),
        _definitions(session.info, pg_dump, without),
    )


def _facts(
    session: psycopg.Connection[TupleRow], name: sql.Identifier, kind: str, populated: bool
) -> tuple[object, ...]:
    if not populated:
        return (kind, 0, "not populated")
    row = session.execute(sql.SQL(SEQUENCE if kind == "S" else ROWS).format(name)).fetchone()
    return (kind, *(row or ()))


def _definitions(info: psycopg.ConnectionInfo, pg_dump: Path, without: tuple[str, ...]) -> str:
    where = ["-h", info.host, "-p", str(info.port), "-U", info.user, "-d", info.dbname]
    excluded = [f"--exclude-schema={name}" for name in without]
    process = subprocess.run([pg_dump, "--schema-only", *where, *excluded], capture_output=True, text=True, check=True)
    return RANDOM_KEY.sub("", process.stdout)


def differences(expected: Content, actual: Content) -> list[str]:
    """Each difference as a line; empty when both are the same."""
    said = _changed(expected.relations, actual.relations) + _changed(expected.large_objects, actual.large_objects)
    if expected.invalid_indexes != actual.invalid_indexes:
        said.append(f"invalid indexes: wanted {expected.invalid_indexes}, found {actual.invalid_indexes}")
    if expected.settings != actual.settings:
        said.append(f"settings: wanted {expected.settings}, found {actual.settings}")
    lines = difflib.unified_diff(
        expected.definitions.splitlines(), actual.definitions.splitlines(), "wanted", "found", "", "", n=1, lineterm=""
    )
    return [*said, *lines]


def _changed(expected: Mapping[str, tuple[object, ...]], actual: Mapping[str, tuple[object, ...]]) -> list[str]:
    return [
        f"{name}: wanted {expected.get(name)}, found {actual.get(name)}"
        for name in sorted(expected.keys() | actual.keys())
        if expected.get(name) != actual.get(name)
    ]
