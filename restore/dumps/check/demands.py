"""What single statements of a dump presume of a server, to be asked before anything is loaded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from restore.dumps.model import Demand
from restore.dumps.sql import encodings
from restore.dumps.sql.allow_list import BODY, LANGUAGE_CLAUSE, ClassifiedStatement
from restore.dumps.sql.grammar import NAME
from restore.dumps.sql.objects import name_statement
from restore.dumps.sql.skeleton import outline

LANGUAGE, LOCALE, SETTING, STATEMENT = "language", "locale", "setting", "statement"
ALWAYS_THERE = frozenset({"sql", "internal", "c"})
COLLATE = re.compile(rb'COLLATE pg_catalog\.(?P<name>"[^"]+"|\w+)')
NO_LOCALE = frozenset({"default", "C", "POSIX", "ucs_basic", "unicode"})
TRIED = re.compile(rb"CREATE COLLATION (?P<name>%b) |CREATE PUBLICATION .* FOR ALL TABLES" % NAME, re.DOTALL)
"""What runs no function of the dump's, and is tried in a transaction that is rolled back. So are grants on what the
server brings along."""


@dataclass
class Demands:
    """Filled statement by statement; each demand once, with its first line."""

    _seen: dict[tuple[str, str], Demand] = field(default_factory=dict[tuple[str, str], Demand])

    def see(self, classified: ClassifiedStatement) -> None:
        """Notes what a statement presumes."""
        for demand in _list_demands(classified):
            self._seen.setdefault((demand.kind, demand.name), demand)

    def list_all(self) -> tuple[Demand, ...]:
        """Returns all of them, in the dump's order."""
        return tuple(self._seen.values())


def _list_demands(classified: ClassifiedStatement) -> Iterator[Demand]:
    statement, line = classified.statement, classified.statement.line
    if classified.kind == "set":
        yield Demand(SETTING, classified.get_text("name"), line)
    if classified.get_part("function"):
        for name in LANGUAGE_CLAUSE.findall(BODY.split(outline(classified.sql), maxsplit=1)[0]):
            if (language := encodings.decode(name, statement.codec).lower()) not in ALWAYS_THERE:
                yield Demand(LANGUAGE, language, line)
    for match in COLLATE.finditer(classified.sql):
        locale = encodings.decode(match["name"], statement.codec).strip('"')
        if locale not in NO_LOCALE:
            yield Demand(LOCALE, locale, line)
    about = name_statement(classified) if classified.kind == "acl" or TRIED.match(classified.sql) else None
    if about and about.kind != "grants":
        yield Demand(STATEMENT, f"{about.kind} {about.name}", line, encodings.decode(classified.sql, statement.codec))
