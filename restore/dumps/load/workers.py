"""The sessions that load rows and run tasks, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import psycopg

from restore.dumps.check.progress import Meter
from restore.dumps.connections import LoadSession, build_copy_failure, build_failure
from restore.dumps.load import ledger
from restore.dumps.load.post_data_tasks import Task
from restore.dumps.load.work_queue import CopyBatch, LoadStopped, WorkQueue
from restore.dumps.sql.splitter import Piece, shorten
from restore.errors import PermanentError, Problem


class Worker:
    """One session's work until the board's end. A failure ends the whole load."""

    def __init__(self, board: WorkQueue, meter: Meter, connect: Callable[[], LoadSession]) -> None:
        self._board, self._meter, self._connect = board, meter, connect
        self.session: LoadSession | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="load")
        self._thread.start()

    def join(self) -> None:
        """Waits until the session has ended."""
        self._thread.join()

    def _work(self) -> None:
        try:
            self.session = self._connect()
            while True:
                item = self._board.take_work()
                with self._meter.mark_doing(shorten(item.begin.table) if isinstance(item, CopyBatch) else item.name):
                    self._do(self.session, item)
        except LoadStopped:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the other threads must hear of it
            self._board.fail(error)
        finally:
            if self.session is not None:
                self.session.close()

    def _do(self, session: LoadSession, item: CopyBatch | Task) -> None:
        if isinstance(item, CopyBatch):
            self._load(session, item)
        else:
            self._run(session, item)

    def _load(self, session: LoadSession, run: CopyBatch) -> None:
        counted, table = Counted(self._board.take_pieces(run)), run.begin.table
        try:
            with session.transaction():
                taken = self._copy(session, run, counted)
                if taken != counted.rows:
                    raise PermanentError.of(_lost(run, taken, counted.rows))
                ledger.note_copy(session, run.begin.block, run.at, run.at + counted.bytes, counted.rows)
            self._meter.count_loaded(table, counted.rows, counted.bytes)
            self._board.note_loaded(run)
        except psycopg.Error as error:
            raise build_copy_failure(error, session.target.user, shorten(table), run.line, run.offset) from error

    @staticmethod
    def _copy(session: LoadSession, run: CopyBatch, counted: Counted) -> int:
        if run.freeze:
            session.run(b"TRUNCATE ONLY " + run.begin.table)
        return session.copy(run.begin.sql + (b" WITH (FREEZE)" if run.freeze else b""), iter(counted))

    def _run(self, session: LoadSession, task: Task) -> None:
        try:
            with session.transaction():
                spare = min(self._board.idle_sessions, 7)
                if spare:
                    session.run(b"SET LOCAL max_parallel_maintenance_workers = %d" % spare)
                if task.sorts:
                    session.set_sort_memory(task.sorts)
                for statement in task.statements:
                    session.run(statement)
                if task.number:
                    ledger.note_task(session, task.number, task.step)
        except psycopg.Error as error:
            raise build_failure(error, f"{task.name}: {shorten(task.statements[0])}") from error
        self._board.note_finished(task)


class Counted:
    """A run's rows as views, counted as they go."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces = pieces
        self.rows = 0
        self.bytes = 0

    def __iter__(self) -> Iterator[memoryview]:
        for piece in self._pieces:
            self.rows += piece.rows
            self.bytes += piece.size
            with memoryview(piece.buffer) as view, view[: piece.size] as part:
                yield part


def _lost(run: CopyBatch, taken: int, sent: int) -> Problem:
    found = f"the server took {taken} rows of {sent}"
    fix = "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
    return Problem(f"table {shorten(run.begin.table)}, dump from line {run.line}, byte {run.offset}", found, "all", fix)
