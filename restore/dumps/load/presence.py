"""Whether what a load had to leave out is there by now: somebody has run its script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import LiteralString

import psycopg

from restore.dumps.connections import LoadSession
from restore.dumps.model import NotLoaded

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
COMPARED = frozenset({"rows"})
"""What the comparison with the dump tells itself."""


def list_absent(session: LoadSession, items: Iterable[NotLoaded]) -> tuple[NotLoaded, ...]:
    """Returns those of which it can't be told that they are there. Raises psycopg.Error for a lost session."""
    return tuple(item for item in items if item.kind not in COMPARED and not _is_there(session, item))


def _is_there(session: LoadSession, item: NotLoaded) -> bool:
    query = QUERIES.get(item.kind)
    if query is None:
        return False
    name, _, table = item.name.partition(" on ")
    try:
        return bool(session.query(query, {"name": name, "table": table}))
    except psycopg.ProgrammingError:
        return False  # no name that the server reads
