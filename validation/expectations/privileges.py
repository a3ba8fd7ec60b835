"""Privileges as GRANT writes them: `SELECT, INSERT ON users`, `USAGE ON SCHEMA public`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from validation.expectations.table_names import Table, quote


class Scope(StrEnum):
    """What a privilege is on; the values are GRANT's words."""

    TABLE = "TABLE"
    SEQUENCE = "SEQUENCE"
    SCHEMA = "SCHEMA"
    DATABASE = "DATABASE"
    ALL_TABLES = "ALL TABLES IN SCHEMA"
    ALL_SEQUENCES = "ALL SEQUENCES IN SCHEMA"


TABLE_WORDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
SEQUENCE_WORDS = ("USAGE", "SELECT", "UPDATE")
WORDS: Mapping[Scope, tuple[str, ...]] = MappingProxyType(
    {
        Scope.TABLE: TABLE_WORDS,
        Scope.ALL_TABLES: TABLE_WORDS,
        Scope.SEQUENCE: SEQUENCE_WORDS,
        Scope.ALL_SEQUENCES: SEQUENCE_WORDS,
        Scope.SCHEMA: ("USAGE", "CREATE"),
        Scope.DATABASE: ("CONNECT", "CREATE", "TEMPORARY"),
    }
)
SCOPES = "|".join(sorted((scope.replace(" ", r"\s+") for scope in Scope), key=len, reverse=True))
GRANT = re.compile(rf"\s*(?P<words>[a-z ,]+?)\s+on\s+(?:(?P<scope>{SCOPES})(?:\s+|$))?(?P<name>.*?)\s*", re.I | re.S)
PATTERN = r"^\s*[A-Za-z][A-Za-z ,]*\s+[Oo][Nn](\s|$)"
"""What JSON Schema can say of it, whose regular expressions don't ignore case."""
NEEDED = '"SELECT, INSERT ON users", "USAGE ON SEQUENCE s", "USAGE ON SCHEMA s" or "CONNECT ON DATABASE"'


@dataclass(frozen=True)
class Privilege:
    """Privileges in capitals ("SELECT", "INSERT") on one object.

    `on` is a Table for a table or sequence, the schema's name for a schema and for all in it, None for the database
    that is validated.
    """

    words: tuple[str, ...]
    scope: Scope
    on: Table | str | None = None

    def __str__(self) -> str:
        name = quote(self.on) if isinstance(self.on, str) else "" if self.on is None else str(self.on)
        return f"{', '.join(self.words)} ON {self.scope} {name}".rstrip()


def parse(text: str) -> Privilege:
    """Reads a privilege. Raises ValueError that says what is needed instead."""
    match = GRANT.fullmatch(text)
    if not match:
        raise ValueError(NEEDED)
    scope = Scope(" ".join((match["scope"] or Scope.TABLE).upper().split()))
    words = tuple(word.strip().upper() for word in match["words"].split(","))
    if unknown := [word for word in words if word not in WORDS[scope]]:
        raise ValueError(f"for {scope} of {', '.join(WORDS[scope])}, not {', '.join(unknown)}")
    return Privilege(words, scope, _parse_object(scope, match["name"]))


def _parse_object(scope: Scope, name: str) -> Table | str | None:
    if scope is Scope.DATABASE:
        if name:
            raise ValueError('"... ON DATABASE" without a name: the database is the one that is validated')
        return None
    if scope in (Scope.TABLE, Scope.SEQUENCE):
        return Table.parse(name)
    table = Table.parse(name, default_schema="")
    if table.schema:
        raise ValueError("one schema's name, odd ones in double quotes")
    return table.name
