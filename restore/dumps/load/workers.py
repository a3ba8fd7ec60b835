"""The sessions that load rows and run tasks, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping

import psycopg

from restore.dumps.check.progress import Meter
from restore.dumps.connections import COPY_CONTEXT, LoadSession, build_copy_failure, build_failure, describe_bad_row
from restore.dumps.load import ledger
from restore.dumps.load.not_loaded import LACKS_RIGHT, MOST_LINES, SEARCH_PATH, NotLoadedList, is_search_path
from restore.dumps.load.post_data_tasks import Task
from restore.dumps.load.work_queue import CopyBatch, LoadStopped, WorkQueue
from restore.dumps.sql.splitter import Piece, shorten
from restore.errors import PermanentError, Problem, RestoreError

BLOCK = 64 << 10
"""Bytes in which lines are counted before they are looked at one by one."""
OF_ONE_ROW = ("22", "23", "54", "P0")
"""SQLSTATE classes of errors that another row of the same table need not meet."""


class Worker:
    """One session's work until the board's end. A failure ends the whole load, unless `lost` takes it."""

    def __init__(self, board: WorkQueue, meter: Meter, lost: NotLoadedList, connect: Callable[[], LoadSession]) -> None:
        self._board, self._meter, self._lost, self._connect = board, meter, lost, connect
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

    # Rows

    def _load(self, session: LoadSession, run: CopyBatch) -> None:
        pieces = Pieces(self._board.take_pieces(run), run)
        try:
            self._commit(session, run, pieces, {})
        except psycopg.Error as error:
            if not self._lost.takes(error):
                raise self._build_failure(session, run, error) from error
            self._load_without_bad_rows(session, run, pieces, error)
        pieces.drop()
        self._board.note_loaded(run)

    def _load_without_bad_rows(
        self, session: LoadSession, run: CopyBatch, pieces: Pieces, error: psycopg.Error
    ) -> None:
        """Loads the batch again without each row that the server names, as long as it names one."""
        bad: dict[int, str] = {}
        while True:
            row = pieces.find_row(error, bad)
            if row is None or not self._lost.may_search(shorten(run.begin.table)) or len(bad) == MOST_LINES:
                self._give_up(run, pieces, error)
                return
            bad[row] = describe_bad_row(error)
            try:
                self._commit(session, run, pieces, bad)
            except psycopg.Error as next_error:
                if not self._lost.takes(next_error):
                    raise self._build_failure(session, run, next_error) from next_error
                error = next_error
            else:
                return

    def _commit(self, session: LoadSession, run: CopyBatch, pieces: Pieces, bad: Mapping[int, str]) -> None:
        """Loads the batch but for the bad rows, and notes both, in one transaction."""
        table = shorten(run.begin.table)
        lines = [(run.line + row, 1, why) for row, why in sorted(bad.items())]
        with session.transaction():
            taken, sent = self._copy(session, run, pieces.read(bad)), pieces.rows - len(bad)
            if taken != sent:
                raise PermanentError.of(_build_lost(run, taken, sent))
            ledger.note_copy(session, run.begin.block, run.at, run.at + pieces.bytes, sent)
            ledger.note_refused_rows(session, table, lines)
        self._meter.count_loaded(run.begin.table, sent, pieces.bytes)
        for line, count, why in lines:
            self._lost.add_rows(table, line, count, why)

    def _give_up(self, run: CopyBatch, pieces: Pieces, error: psycopg.Error) -> None:
        """Leaves the whole batch out. It isn't noted as loaded: a load that goes on tries it again."""
        pieces.read_to_end()
        line = run.line + (pieces.find_row(error, {}) or 0)
        why = describe_bad_row(error)
        if is_search_path(error):
            why = f"{why}; {SEARCH_PATH}"
        elif isinstance(error, psycopg.errors.InsufficientPrivilege):
            why = f"{why}; {LACKS_RIGHT}"
        self._lost.add_rows(shorten(run.begin.table), line, pieces.rows, why)

    @staticmethod
    def _build_failure(session: LoadSession, run: CopyBatch, error: psycopg.Error) -> RestoreError:
        return build_copy_failure(error, session.target.user, shorten(run.begin.table), run.line, run.offset)

    @staticmethod
    def _copy(session: LoadSession, run: CopyBatch, parts: Iterator[memoryview]) -> int:
        if run.freeze:
            session.run(b"TRUNCATE ONLY " + run.begin.table)
        return session.copy(run.begin.sql + (b" WITH (FREEZE)" if run.freeze else b""), parts)

    # Tasks

    def _run(self, session: LoadSession, task: Task) -> None:
        if self._board.is_refused(task):
            self._board.note_finished(task)
            return
        try:
            self._run_step(session, task)
        except psycopg.Error as error:
            if not self._lost.takes(error):
                raise build_failure(error, f"{task.name}: {shorten(task.statements[0])}") from error
            self._lost.add_task(task, error)
            self._board.note_refused(task)
        else:
            self._board.note_finished(task)

    def _run_step(self, session: LoadSession, task: Task) -> None:
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


class Pieces:
    """A batch's rows, counted as they go. One piece can be read again; of several, which are one long row, none."""

    def __init__(self, pieces: Iterator[Piece], run: CopyBatch) -> None:
        self._pieces, self._run = pieces, run
        self._only: Piece | None = None
        """The piece of a batch of one: its buffer stays ours until it is dropped."""
        self.rows = 0
        self.bytes = 0

    def read(self, bad: Mapping[int, str]) -> Iterator[memoryview]:
        """Yields the rows as views, without the bad ones, by their number from 0."""
        if self._only is not None:
            yield from self._skip_rows(self._only, bad)
            return
        for piece in self._pieces:
            first = self.bytes == 0
            self._count(piece)
            if first and (piece.whole or self._run.freeze):
                self._only = piece
            with memoryview(piece.buffer) as view, view[: piece.size] as part:
                yield part
            if self._only is not None:
                return

    def _count(self, piece: Piece) -> None:
        self.rows += piece.rows
        self.bytes += piece.size

    def _skip_rows(self, piece: Piece, bad: Mapping[int, str]) -> Iterator[memoryview]:
        begin = 0
        with memoryview(piece.buffer) as view:
            for row in sorted(bad):
                start, end = find_line(piece.buffer, piece.size, row)
                with view[begin:start] as part:
                    yield part
                begin = end
            with view[begin : piece.size] as part:
                yield part

    def find_row(self, error: psycopg.Error, bad: Collection[int]) -> int | None:
        """Returns the number of the row that an error is about, from 0; None where it is about more than a row. `bad`:
        those that were not sent."""
        context = COPY_CONTEXT.search(error.diag.context or "")
        if self._only is None or context is None or not (error.sqlstate or "").startswith(OF_ONE_ROW):
            return None
        row = int(context["line"]) - 1
        for other in sorted(bad):
            row += other <= row
        return row if row < self._only.rows else None

    def read_to_end(self) -> None:
        """Counts what an error has left unread."""
        for part in () if self._only else self.read({}):
            del part

    def drop(self) -> None:
        """Gives the last buffer back."""
        self.read_to_end()
        self._only = None
        for piece in self._pieces:
            self._count(piece)


def find_line(buffer: bytearray, size: int, number: int) -> tuple[int, int]:
    """Returns where a line of `buffer[:size]` begins and ends, by its number from 0. Pure; makes no list of all lines,
    of which a piece can have millions."""
    left, position = number, 0
    while position + BLOCK < size and (lines := buffer.count(b"\n", position, position + BLOCK)) < left:
        left, position = left - lines, position + BLOCK
    for _ in range(left):
        position = buffer.index(b"\n", position, size) + 1
    return position, buffer.index(b"\n", position, size) + 1


def _build_lost(run: CopyBatch, taken: int, sent: int) -> Problem:
    found = f"the server took {taken} rows of {sent}"
    fix = "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
    return Problem(f"table {shorten(run.begin.table)}, dump from line {run.line}, byte {run.offset}", found, "all", fix)
