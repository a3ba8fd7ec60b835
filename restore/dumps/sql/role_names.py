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


def plain(identifier: str) -> str:
    """The name an identifier stands for."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


def quoted(name: str, codec: str) -> bytes:
    """As an identifier, in the encoding of the statements around it."""
    return b'"%b"' % encodings.encoded(name.replace('"', '""'), codec)


def spans(known: ClassifiedStatement) -> tuple[Span, ...]:
    """In the order of the text, without PUBLIC and the like."""
    ordered: list[Span] = []
    for group in GROUPS:
        if known.part(group):
            ordered.extend(_names(known, group))
    return tuple(sorted(ordered, key=lambda span: span.start))


def _names(known: ClassifiedStatement, group: str) -> list[Span]:
    start = known.match.start(group)
    spans: list[Span] = []
    for name in known.part(group).split(b", "):
        if name.lower() not in WORDS:
            spans.append(Span(plain(encodings.decoded(name, known.statement.codec)), start, start + len(name)))
        start += len(name) + 2
    return spans


def owner(known: ClassifiedStatement) -> str | None:
    """Who will own something by this statement."""
    named = spans(known) if known.kind in OWNING or known.sql.startswith(b"ALTER PUBLICATION") else ()
    return named[-1].role if named else None


def renamed(known: ClassifiedStatement, names: Mapping[str, str]) -> bytes:
    """The statement's text with other names for roles."""
    sql = known.sql
    for span in reversed(spans(known)):
        if span.role in names:
            sql = sql[: span.start] + quoted(names[span.role], known.statement.codec) + sql[span.end :]
    return sql
