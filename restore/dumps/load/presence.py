"""Whether what a load had to leave out is there by now: somebody has run its script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import LiteralString

import psycopg

from restore.dumps.connections import LoadSession
from restore.dumps.model import NotLoaded
from restore.dumps.sql.role_names import unquote

RELATION: LiteralString = """
select true from pg_catalog.pg_class where oid = pg_catalog.to_regclass(%(name)s::text)
and (relkind <> 'm' or relispopulated)
"""
CONSTRAINT: LiteralString = """
select true from pg_catalog.pg_constraint
where %(name)s::text in (conname::text, pg_catalog.quote_ident(conname)) and convalidated
  and (conrelid = pg_catalog.to_regclass(%(table)s::text) or contypid = pg_catalog.to_regtype(%(table)s::text))
"""
QUERIES: Mapping[str, LiteralString] = {
    "tables": RELATION,
    "views": RELATION,
    "sequences": RELATION,
    "keys": CONSTRAINT,
    "constraints": CONSTRAINT,
    "indexes": """
select true from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
where i.indrelid = pg_catalog.to_regclass(%(table)s::text) and i.indisvalid
  and pg_catalog.quote_ident(c.relname) = %(name)s::text
""",
    "policies": """
select true from pg_catalog.pg_policy
where polrelid = pg_catalog.to_regclass(%(table)s::text) and pg_catalog.quote_ident(polname) = %(name)s::text
""",
    "triggers": """
select true from pg_catalog.pg_trigger
where tgrelid = pg_catalog.to_regclass(nullif(%(table)s::text, '')) and pg_catalog.quote_ident(tgname) = %(name)s::text
union all select true from pg_catalog.pg_event_trigger
where %(table)s::text = '' and pg_catalog.quote_ident(evtname) = %(name)s::text
""",
    "rules": """
select true from pg_catalog.pg_rewrite
where ev_class = pg_catalog.to_regclass(%(table)s::text) and pg_catalog.quote_ident(rulename) = %(name)s::text
""",
    "functions": """
select true from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where pg_catalog.format('%%I.%%I', n.nspname, p.proname) = %(name)s::text
""",
    "types": """
select true where pg_catalog.to_regtype(%(name)s::text) is not null
union all select true from pg_catalog.pg_collation c join pg_catalog.pg_namespace n on n.oid = c.collnamespace
where pg_catalog.format('%%I.%%I', n.nspname, c.collname) = %(name)s::text
""",
    "schemas": "select true where pg_catalog.to_regnamespace(%(name)s::text) is not null",
    "extensions": "select true from pg_catalog.pg_extension where pg_catalog.quote_ident(extname) = %(name)s::text",
}
COLUMN: LiteralString = """
select true from pg_catalog.pg_attribute
where attrelid = pg_catalog.to_regclass(%(table)s::text) and pg_catalog.quote_ident(attname) = %(name)s::text
  and (atthasdef or attidentity <> '')
"""
OF_COLUMNS = "of "
"""What the names of identity columns' sequences begin with."""
OWNED_RELATION: LiteralString = """
select true from pg_catalog.pg_class where oid = pg_catalog.to_regclass(%(name)s::text)
  and pg_catalog.pg_get_userbyid(relowner) = coalesce(%(owner)s::text, pg_catalog.pg_get_userbyid(relowner))
"""
OWNED_FUNCTION: LiteralString = """
select true from pg_catalog.pg_proc where oid = pg_catalog.to_regprocedure(%(name)s::text)
  and pg_catalog.pg_get_userbyid(proowner) = coalesce(%(owner)s::text, pg_catalog.pg_get_userbyid(proowner))
"""
OWNED_TYPE: LiteralString = """
select true from pg_catalog.pg_type where oid = pg_catalog.to_regtype(%(name)s::text)
  and pg_catalog.pg_get_userbyid(typowner) = coalesce(%(owner)s::text, pg_catalog.pg_get_userbyid(typowner))
"""
OWNED_SCHEMA: LiteralString = """
select true from pg_catalog.pg_namespace where oid = pg_catalog.to_regnamespace(%(name)s::text)
  and pg_catalog.pg_get_userbyid(nspowner) = coalesce(%(owner)s::text, pg_catalog.pg_get_userbyid(nspowner))
"""
OWNED_COLLATION: LiteralString = """
select true from pg_catalog.pg_collation c join pg_catalog.pg_namespace n on n.oid = c.collnamespace
where pg_catalog.format('%%I.%%I', n.nspname, c.collname) = %(name)s::text
  and pg_catalog.pg_get_userbyid(collowner) = coalesce(%(owner)s::text, pg_catalog.pg_get_userbyid(collowner))
"""
OWNED: Mapping[str, LiteralString] = {
    **dict.fromkeys(("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"), OWNED_RELATION),
    **dict.fromkeys(("FUNCTION", "PROCEDURE", "AGGREGATE"), OWNED_FUNCTION),
    **dict.fromkeys(("TYPE", "DOMAIN"), OWNED_TYPE),
    "SCHEMA": OWNED_SCHEMA,
    "COLLATION": OWNED_COLLATION,
}
"""By what stands in front of the name in a statement; without an owner: whether it is there at all."""
KEYWORDS = re.compile(rf"(?P<keywords>{'|'.join(OWNED)}) (?P<name>.+)", re.DOTALL)
OWNER = re.compile(r'OWNER TO (?P<owner>"(?:[^"]|"")*"|[^\s;]+)')
NO_SUCH_OBJECT = re.compile(r"\(SQLSTATE (?:3F000|42704|42883|42P01)\)\Z")
"""The statement was refused because what it is about was: in the script it stands behind what makes that."""
COMPARED = frozenset({"rows"})
"""What the comparison with the dump tells itself."""


def list_absent(session: LoadSession, items: Iterable[NotLoaded]) -> tuple[NotLoaded, ...]:
    """Returns those of which it can't be told that they are there. Raises psycopg.Error for a lost session."""
    return tuple(item for item in items if item.kind not in COMPARED and not _is_there(session, item))


def _is_there(session: LoadSession, item: NotLoaded) -> bool:
    asked = build_question(item)
    try:
        return asked is not None and bool(session.query(*asked))
    except psycopg.ProgrammingError:
        return False  # no name that the server reads


def build_question(item: NotLoaded) -> tuple[LiteralString, Mapping[str, str | None]] | None:
    """Returns the query, with its parameters, that has a row where the object is there; None where none can tell.
    Pure."""
    if item.kind == "defaults" or item.name.startswith(OF_COLUMNS):
        table, _, column = item.name.removeprefix(OF_COLUMNS).rpartition(".")
        return COLUMN, {"name": column, "table": table}
    if item.kind in ("owners", "grants"):
        return _build_question_of_right(item)
    query = QUERIES.get(item.kind)
    name, _, table = item.name.partition(" on ")
    return (query, {"name": name, "table": table}) if query else None


def _build_question_of_right(item: NotLoaded) -> tuple[LiteralString, Mapping[str, str | None]] | None:
    object_, owner = KEYWORDS.fullmatch(item.name), OWNER.search(item.sql)
    if object_ is None or (owner is None and NO_SUCH_OBJECT.search(item.reason) is None):
        return None
    parameters = {"name": object_["name"], "owner": unquote(owner["owner"]) if owner else None}
    return OWNED[object_["keywords"]], parameters
