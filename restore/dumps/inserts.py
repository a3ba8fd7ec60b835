"""Rows as pg_dump --inserts writes them: run in their order by one session, many in one statement and transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

import psycopg

from restore.dumps import ledger
from restore.dumps.control import Control
from restore.dumps.ledger import Done
from restore.dumps.progress import Meter
from restore.dumps.sessions import Session, copy_failure
from restore.dumps.splitter import ROW, shown
from restore.dumps.statements import Known

ONE = re.compile(ROW)
MOST_BYTES = 256 << 10
"""Of one transaction."""


def rows(known: Known) -> int:
    """How many one statement has."""
    return sum(1 for _ in ONE.finditer(known.part("rows"))) or 1


def _form(known: Known) -> tuple[bytes, bytes]:
    """What is before the rows and behind them; all of a statement that names none."""
    start, end = known.match.span("rows")
    return (known.sql[:start], known.sql[end:]) if start >= 0 else (known.sql, known.sql)


def joined(statements: Iterable[Known]) -> Iterator[tuple[list[Known], bytes]]:
    """Statements of the same form in a row as one: those, and the text of all. Pure."""
    for (before, behind), group in groupby(statements, _form):
        same = list(group)
        if same[0].part("rows"):
            yield same, before + b", ".join(one.part("rows") for one in same) + behind
        else:
            yield from (([one], one.sql) for one in same)


@dataclass
class Inserts:
    """Each row exactly once over all attempts. Raises PermanentError, TemporaryError."""

    control: Control
    meter: Meter
    done: Done
    _waiting: list[Known] = field(default_factory=list[Known])
    _bytes: int = 0

    def see(self, known: Known) -> None:
        if known.statement.number <= self.done.inserted:
            self.meter.skipped(known.part("table"), rows(known), len(known.sql))
            return
        self._waiting.append(known)
        self._bytes += len(known.sql)
        if self._bytes >= MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Loads what waits."""
        if not self._waiting:
            return
        last = self._waiting[-1].statement.number
        session = self.control.session
        with session.transaction():
            taken = [(same, _run(session, same[0], sql)) for same, sql in joined(self._waiting)]
            total = self.done.inserted_rows + sum(count for _, count in taken)
            with self.control.as_loader():
                ledger.inserts_done(session, last, total)
        self.done.inserted, self.done.inserted_rows = last, total
        for same, count in taken:
            self.meter.loaded(same[0].part("table"), count, sum(len(one.sql) for one in same))
        self._waiting, self._bytes = [], 0


def _run(session: Session, first: Known, sql: bytes) -> int:
    try:
        return session.run(sql)
    except psycopg.Error as error:
        statement = first.statement
        table = shown(first.part("table"))
        raise copy_failure(error, session.target.user, table, statement.line, statement.offset) from error
