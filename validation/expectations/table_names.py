"""Names of tables as people write them: `users`, `audit.events`, `"odd.schema"."odd ""table"`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from psycopg import sql

PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
PLAIN = re.compile(r'[^".]+')


@dataclass(frozen=True, order=True)
class Table:
    """A relation by schema and name, both exactly as in the catalog (never folded to lower case)."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str, default_schema: str = "public") -> Table:
        """Reads `name` or `schema.name`; a part with a dot or a quote in it stands in double quotes.

        Raises ValueError when the text is neither.
        """
        parts = _split_parts(text)
        match parts:
            case (name,):
                return cls(default_schema, name)
            case (schema, name):
                return cls(schema, name)
            case _:
                raise ValueError('needs "table" or "schema.table", parts with dots or quotes in double quotes')

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f"{quote(self.schema)}.{quote(self.name)}"


def quote(part: str) -> str:
    """Returns the part as `Table.parse` reads it back."""
    return part if PLAIN.fullmatch(part) else '"' + part.replace('"', '""') + '"'


def _split_parts(text: str) -> tuple[str, ...]:
    """The parts between the dots, or none when the text is malformed."""
    parts: list[str] = []
    position = 0
    while match := PART.match(text, position):
        parts.append(match[1].replace('""', '"') if match[1] else match[2])
        position = match.end()
        if position == len(text):
            return tuple(parts)
        if text[position] != ".":
            break
        position += 1
    return ()
