"""The roles that a statement names: to know them beforehand, to give them another name, to leave them out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from restore.dumps.sql import encodings
from restore.dumps.sql.allow_list import ClassifiedStatement

WORDS = frozenset({b"public", b"current_user", b"session_user", b"current_role", b"default"})
"""No roles, where they aren't quoted."""
GROUPS = ("role", "maker", "roles")
OWNING = frozenset({"owner", "schema", "event_trigger"})
PUBLIC_OWNER = re.compile(rb'ALTER SCHEMA (?:public|"public") OWNER TO ')
"""In dumps of databases made before PostgreSQL 15, where the first superuser owns `public` (RDS: rdsadmin), also after
upgrades. In the target that schema stands already.
"""


@dataclass(frozen=True)
class Span:
    """A role's name in a statement's text."""

    role: str
    start: int
    end: int


def unquote(identifier: str) -> str:
    """Returns the name that an identifier stands for."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def quote(name: str, codec: str) -> bytes:
    """Quotes a name as an identifier, in the encoding of the statements around it."""
    return b'"%b"' % encodings.encode(name.replace('"', '""'), codec)


def find_role_spans(classified: ClassifiedStatement) -> tuple[Span, ...]:
    """Returns where a statement names roles, in its order; without PUBLIC and other keywords."""
    ordered: list[Span] = []
    for group in GROUPS:
        if classified.get_part(group):
            ordered.extend(_names(classified, group))
    return tuple(sorted(ordered, key=lambda span: span.start))


def _names(classified: ClassifiedStatement, group: str) -> list[Span]:
    start = classified.match.start(group)
    spans: list[Span] = []
    for name in classified.get_part(group).split(b", "):
        if name.lower() not in WORDS:
            spans.append(Span(unquote(encodings.decode(name, classified.statement.codec)), start, start + len(name)))
        start += len(name) + 2
    return spans


def find_new_owner(classified: ClassifiedStatement) -> str | None:
    """Returns the role that will own something by this statement, or None."""
    named = (
        find_role_spans(classified)
        if classified.kind in OWNING or classified.sql.startswith(b"ALTER PUBLICATION")
        else ()
    )
    return named[-1].role if named else None


def rename_roles(classified: ClassifiedStatement, names: Mapping[str, str]) -> bytes:
    """Returns the statement's text with other names for roles."""
    sql = classified.sql
    for span in reversed(find_role_spans(classified)):
        if span.role in names:
            sql = sql[: span.start] + quote(names[span.role], classified.statement.codec) + sql[span.end :]
    return sql
