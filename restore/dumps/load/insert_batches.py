"""Rows as pg_dump --inserts writes them: run in their order by one session, many in one statement and transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from restore.dumps.check.progress import Meter
from restore.dumps.connections import LoadSession, build_copy_failure
from restore.dumps.load import ledger
from restore.dumps.load.ddl import Control
from restore.dumps.load.ledger import Done
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.insert_statements import count_rows, join_statements
from restore.dumps.sql.splitter import shorten

MOST_BYTES = 256 << 10
"""Most bytes of one transaction."""


@dataclass
class Inserts:
    """Each row exactly once over all attempts. Raises PermanentError, TemporaryError."""

    control: Control
    meter: Meter
    done: Done
    _waiting: list[ClassifiedStatement] = field(default_factory=list[ClassifiedStatement])
    _bytes: int = 0

    def see(self, classified: ClassifiedStatement) -> None:
        """Takes the next INSERT; runs those that wait when they are MOST_BYTES together. Raises as `flush`."""
        if classified.statement.number <= self.done.inserted:
            self.meter.count_skipped(classified.part("table"), count_rows(classified), len(classified.sql))
            return
        self._waiting.append(classified)
        self._bytes += len(classified.sql)
        if self._bytes >= MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Loads the statements that wait, in one transaction."""
        if not self._waiting:
            return
        last = self._waiting[-1].statement.number
        session = self.control.session
        with session.transaction():
            taken = [(same, _run(session, same[0], sql)) for same, sql in join_statements(self._waiting)]
            total = self.done.inserted_rows + sum(count for _, count in taken)
            with self.control.as_loader():
                ledger.note_inserts(session, last, total)
        self.done.inserted, self.done.inserted_rows = last, total
        for same, count in taken:
            self.meter.count_loaded(same[0].part("table"), count, sum(len(statement.sql) for statement in same))
        self._waiting, self._bytes = [], 0


def _run(session: LoadSession, first: ClassifiedStatement, sql: bytes) -> int:
    try:
        return session.run(sql)
    except psycopg.Error as error:
        statement = first.statement
        table = shorten(first.part("table"))
        raise build_copy_failure(error, session.target.user, table, statement.line, statement.offset) from error
