"""What the threads of one load share, behind one lock: buffers, rows to load, tasks, the first error."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from restore.dumps.load.post_data_tasks import Task, choose_ready_task
from restore.dumps.sql.splitter import SLACK, CopyBegin, Piece

SPARE = 2
"""Buffers on top of one for each session: one that is filled, one that waits."""
POLL = 1.0
"""Seconds; every change wakes who waits, this is for a change that nobody announced."""


@dataclass(eq=False)
class CopyBatch:
    """Rows of one COPY that are loaded in one transaction: a piece, a row of several, or a whole table."""

    begin: CopyBegin
    at: int
    line: int
    offset: int
    freeze: bool
    """The table is emptied first, and its rows are written as frozen."""
    pieces: deque[Piece] = field(default_factory=deque[Piece])
    closed: bool = False


class LoadStopped(Exception):
    """The load has failed elsewhere, or is to stop: see WorkQueue.error."""


class WorkQueue:
    """Threads wait here for each other. All methods may raise LoadStopped, except `fail` and `end`."""

    def __init__(self, workers: int, piece: int) -> None:
        self._changed = threading.Condition()
        self._piece, self._workers, self._most = piece, workers, workers + SPARE
        self._buffers: list[bytearray] = []
        self._made = 0
        self._runs: deque[CopyBatch] = deque()
        self._open: Counter[bytes] = Counter()
        self._closed: set[bytes] = set()
        self._all_read = False
        self.tasks: list[Task] = []
        self.running: list[Task] = []
        self.loading = 0
        self.done_tasks = 0
        self._refused: set[int] = set()
        """Numbers of statements of which the server refused a step."""
        self.over = False
        self.error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """Stops everything; only the first error is kept."""
        with self._changed:
            if self.error is None and not isinstance(error, LoadStopped):
                self.error = error
            self.over = True
            self._changed.notify_all()

    def end(self) -> None:
        """Ends the sessions' work."""
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def _wait(self) -> None:
        self._changed.wait(POLL)
        if self.over:
            raise LoadStopped

    # Buffers

    def take(self) -> bytearray:
        """Returns an empty buffer; waits while all are in use."""
        with self._changed:
            while not self._buffers and self._made >= self._most:
                self._wait()
            if self.over:
                raise LoadStopped
            if self._buffers:
                return self._buffers.pop()
            self._made += 1
        return bytearray(self._piece + SLACK)

    def give(self, buffer: bytearray) -> None:
        """Takes a buffer back; one that has grown is replaced by one of the usual size."""
        with self._changed:
            self._buffers.append(buffer if len(buffer) <= self._piece + SLACK else bytearray(self._piece + SLACK))
            self._changed.notify_all()

    # Rows

    def add(self, run: CopyBatch) -> None:
        """Adds a batch of rows to load."""
        with self._changed:
            self._runs.append(run)
            self._open[run.begin.table] += 1
            self._changed.notify_all()

    def extend(self, run: CopyBatch, piece: Piece, *, close: bool) -> None:
        """Adds a piece to a batch; `close`: it was the last one."""
        with self._changed:
            run.pieces.append(piece)
            run.closed = close
            self._changed.notify_all()

    def take_pieces(self, run: CopyBatch) -> Iterator[Piece]:
        """Yields the pieces of a batch as they come; each buffer is given back when the next is asked for, or the end:
        until then the last one can be read again."""
        while True:
            with self._changed:
                while not run.pieces:
                    if run.closed:
                        return
                    self._wait()
                piece = run.pieces.popleft()
            yield piece
            self.give(piece.buffer)

    def note_loaded(self, run: CopyBatch) -> None:
        """Notes that the rows of a batch are committed, or refused."""
        with self._changed:
            self.loading -= 1
            self._open[run.begin.table] -= 1
            self._changed.notify_all()

    def close_table(self, table: bytes) -> None:
        """Notes that no more rows of a table will come."""
        with self._changed:
            self._closed.add(table)
            self._changed.notify_all()

    def end_reading(self) -> None:
        """Notes that no more rows of any table will come; waits until all are loaded."""
        with self._changed:
            self._all_read = True
            self._changed.notify_all()
            while self._runs or self.loading:
                self._wait()

    def _is_complete(self, table: bytes) -> bool:
        return (self._all_read or table in self._closed) and self._open[table] == 0

    # Tasks

    def plan(self, tasks: Iterable[Task]) -> None:
        """Adds tasks, to be run as soon as what they need is there."""
        with self._changed:
            self.tasks.extend(tasks)
            self._changed.notify_all()

    def wait_for_tasks(self) -> None:
        """Waits until all tasks planned so far are done."""
        with self._changed:
            while self.tasks or self.running:
                self._wait()

    def note_finished(self, task: Task) -> None:
        """Notes that a task is done, which may let others begin."""
        with self._changed:
            task.done = True
            self.done_tasks += 1
            self.running.remove(task)
            self._changed.notify_all()

    def note_refused(self, task: Task) -> None:
        """Notes that the server refused a task: the steps after it are not run, everything else goes on."""
        with self._changed:
            if task.number:
                self._refused.add(task.number)
        self.note_finished(task)

    def is_refused(self, task: Task) -> bool:
        """Tells whether an earlier step of the same statement was refused."""
        with self._changed:
            return task.number in self._refused

    def take_work(self) -> CopyBatch | Task:
        """Returns the next work for a session, rows before tasks."""
        with self._changed:
            while True:
                if self.over:
                    raise LoadStopped
                if self._runs:
                    self.loading += 1
                    return self._runs.popleft()
                task = choose_ready_task(self.tasks, self.running, self._is_complete)
                if task is not None:
                    self.tasks.remove(task)
                    self.running.append(task)
                    return task
                self._wait()

    @property
    def all_tasks(self) -> int:
        return self.done_tasks + len(self.running) + len(self.tasks)

    @property
    def idle_sessions(self) -> int:
        """Sessions that find nothing to do, now that a task has begun: their processors are free."""
        return max(0, self._workers - len(self.running) - len(self.tasks) - self.loading)
