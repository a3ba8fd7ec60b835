"""Which tables and sequences a dump declares unlogged, and what makes them so once it is loaded. Pure.

A crash of the server empties what is unlogged, and the ledger wouldn't know: all is logged until the load is done. A
table that becomes unlogged takes the sequences of its columns along, from PostgreSQL 15 on (Release notes of 15,
"Allow unlogged sequences"), so those that the dump has logged are then made logged again. An older server, whose
sequences are all logged, has no word for it, and a newer pg_dump writes it into an identity column all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.grammar import NAME
from restore.dumps.sql.splitter import IDENTIFIER

SINCE_SEQUENCES = 150000
"""server_version_num of the first whose sequences can be unlogged."""
CREATE = re.compile(rb"CREATE UNLOGGED (?P<what>TABLE|SEQUENCE) (?P<name>%b)" % NAME)
IDENTITY = re.compile(
    rb"ALTER TABLE (?:ONLY )?(?P<table>%b) ALTER COLUMN .* AS IDENTITY \(\s*SEQUENCE NAME (?P<name>%b)"
    rb"(?P<persistence>\s+(?:UN)?LOGGED)\s" % (NAME, NAME),
    re.DOTALL,
)
"""Written where the sequence isn't as its table (src/bin/pg_dump/pg_dump.c, dumpSequence, 15.9 and later)."""
OWNED = re.compile(rb"ALTER SEQUENCE (?P<name>%b) OWNED BY (?P<table>%b\.%b)\.%b\Z" % (NAME, *[IDENTIFIER] * 3))


class Persistence:
    """Sees the definitions of a dump in their order; of each attempt all, also those that an earlier one has run."""

    def __init__(self) -> None:
        self._unlogged: dict[bytes, bytes] = {}
        """What each is, by its name."""
        self._logged: dict[bytes, None] = {}
        """Sequences that don't follow their unlogged table."""

    def see(self, statements: Iterable[ClassifiedStatement]) -> None:
        """Notes what the statements declare."""
        for item in statements:
            if match := CREATE.match(item.sql):
                self._unlogged[match["name"]] = match["what"]
            elif match := _match_unlogged_identity(item):
                self._unlogged[match["name"]] = b"SEQUENCE"
            elif (match := _match_sequence(item)) and match["table"] in self._unlogged:
                self._logged[match["name"]] = None

    def forget(self, item: ClassifiedStatement) -> None:
        """Takes back what a statement declares that the server has refused."""
        if match := CREATE.match(item.sql) or _match_unlogged_identity(item):
            self._unlogged.pop(match["name"], None)
        elif match := _match_sequence(item):
            self._logged.pop(match["name"], None)

    def list_unlogging(self) -> list[bytes]:
        """Returns what makes them unlogged, to be run in any order that the server takes."""
        return [b"ALTER %b %b SET UNLOGGED" % (what, name) for name, what in self._unlogged.items()]

    def list_logging(self, version: int) -> list[bytes]:
        """Returns what is to be run behind all of that, on a server of this server_version_num."""
        if version < SINCE_SEQUENCES:
            return []
        return [b"ALTER SEQUENCE %b SET LOGGED" % name for name in self._logged if name not in self._unlogged]


def _match_sequence(item: ClassifiedStatement) -> re.Match[bytes] | None:
    return IDENTITY.match(item.sql) or OWNED.match(item.sql)


def _match_unlogged_identity(item: ClassifiedStatement) -> re.Match[bytes] | None:
    match = IDENTITY.match(item.sql)
    return match if match and match["persistence"].endswith(b" UNLOGGED") else None


def remove_unlogged(sql: bytes) -> bytes:
    """Returns a definition without the word that says whether it is logged."""
    if CREATE.match(sql):
        return sql.replace(b" UNLOGGED", b"", 1)
    match = IDENTITY.match(sql)
    return sql[: match.start("persistence")] + sql[match.end("persistence") :] if match else sql
