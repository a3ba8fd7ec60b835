"""Rows as pg_dump --inserts writes them: run in their order by one session, many in one statement and transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from restore.dumps.check.progress import Meter
from restore.dumps.connections import LoadSession, build_copy_failure, describe_bad_row
from restore.dumps.load import ledger
from restore.dumps.load.ddl import Control
from restore.dumps.load.ledger import Done
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.insert_statements import count_rows, join_statements
from restore.dumps.sql.splitter import shorten
from restore.errors import PermanentError

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
            self.meter.count_skipped(classified.get_part("table"), count_rows(classified), len(classified.sql))
            return
        self._waiting.append(classified)
        self._bytes += len(classified.sql)
        if self._bytes >= MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Loads the statements that wait, in one transaction; each for itself once the server has refused one."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not waiting:
            return
        try:
            self._load(waiting)
        except PermanentError as error:
            if not self.control.lost.takes(error.__cause__):
                raise
            for classified in waiting:
                self._load_one(classified)

    def _load(self, statements: Sequence[ClassifiedStatement]) -> None:
        session, last = self.control.session, statements[-1].statement.number
        with session.transaction():
            taken = [(same, _run(session, same[0], sql)) for same, sql in join_statements(statements)]
            total = self.done.inserted_rows + sum(count for _, count in taken)
            self._note(last, total)
        self.done.inserted, self.done.inserted_rows = last, total
        for same, count in taken:
            self.meter.count_loaded(same[0].get_part("table"), count, sum(len(statement.sql) for statement in same))

    def _load_one(self, classified: ClassifiedStatement) -> None:
        try:
            self._load([classified])
        except PermanentError as error:
            cause = error.__cause__
            if not isinstance(cause, psycopg.Error) or not self.control.lost.takes(cause):
                raise
            table, line = shorten(classified.get_part("table")), classified.statement.line
            count, why = count_rows(classified), describe_bad_row(cause)
            with self.control.session.transaction():
                self._note(classified.statement.number, self.done.inserted_rows)
                with self.control.act_as_loader():
                    ledger.note_refused_rows(self.control.session, table, [(line, count, why)])
            self.done.inserted = classified.statement.number
            self.control.lost.add_rows(table, line, count, why)

    def _note(self, last: int, total: int) -> None:
        with self.control.act_as_loader():
            ledger.note_inserts(self.control.session, last, total)


def _run(session: LoadSession, first: ClassifiedStatement, sql: bytes) -> int:
    try:
        return session.run(sql)
    except psycopg.Error as error:
        statement = first.statement
        table = shorten(first.get_part("table"))
        raise build_copy_failure(error, session.target.user, table, statement.line, statement.offset) from error
