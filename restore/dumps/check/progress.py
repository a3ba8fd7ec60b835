"""Where a load stands: counted by its threads, told by one of its own."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from restore.dumps.model import LoadPhase, Progress, ProgressCallback, TableRows

EVERY = 0.5
"""Seconds between two reports."""
WINDOW = 10.0
"""Seconds that a rate is taken over."""


class Tasks(Protocol):
    """What a meter asks a board."""

    done_tasks: int

    @property
    def all_tasks(self) -> int: ...


class Meter:
    """Counters; any thread may add to them."""

    def __init__(self, total: int, read: Callable[[], int]) -> None:
        self._lock = threading.Lock()
        self._total, self._read = total, read
        self._began = time.monotonic()
        self._phase, self._phase_began = LoadPhase.READING, self._began
        self._doing: Counter[str] = Counter()
        self._past: deque[tuple[float, int]] = deque()
        self.tables: dict[bytes, tuple[int, int]] = {}
        """Rows and bytes."""
        self.rows = 0
        self.phases: dict[str, float] = {}
        self.tasks: Tasks | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def enter(self, phase: LoadPhase) -> None:
        """Begins a phase; the time until now belongs to the one before."""
        now = time.monotonic()
        with self._lock:
            spent = self.phases.get(self._phase.value, 0.0)
            self.phases[self._phase.value] = spent + now - self._phase_began
            self._phase, self._phase_began = phase, now

    def count_loaded(self, table: bytes, rows: int, size: int) -> None:
        """Counts rows of a table as loaded; `size` is in bytes of the dump's text."""
        with self._lock:
            before = self.tables.get(table, (0, 0))
            self.tables[table] = before[0] + rows, before[1] + size
            self.rows += rows

    def count_skipped(self, table: bytes, rows: int, size: int) -> None:
        """Counts rows that an earlier attempt loaded as done."""
        self.count_loaded(table, rows, size)
        with self._lock:
            self.rows -= rows

    def list_tables(self, name: Callable[[bytes], str]) -> tuple[TableRows, ...]:
        """Returns rows and bytes of every table, the largest first; `name` decodes a table's name."""
        tables = [TableRows(name(table), *counts) for table, counts in self.tables.items()]
        return tuple(sorted(tables, key=lambda table: table.bytes, reverse=True))

    @contextmanager
    def mark_doing(self, what: str) -> Generator[None]:
        """Counts something as being done while the context is open."""
        with self._lock:
            self._doing[what] += 1
        try:
            yield
        finally:
            with self._lock:
                self._doing[what] -= 1
                self._doing += Counter()

    def measure(self) -> Progress:
        """Returns where the load stands: the rate in bytes a second over the last WINDOW, the rest in seconds at that
        rate, None where nothing can be said of it."""
        now, read = time.monotonic(), self._read()
        with self._lock:
            self._past.append((now, read))
            while now - self._past[0][0] > WINDOW and len(self._past) > 2:
                self._past.popleft()
            (first, first_read), tasks_done = self._past[0], self.tasks.done_tasks if self.tasks else 0
            rate = (read - first_read) / (now - first) if now > first else 0.0
            return Progress(
                phase=self._phase,
                seconds=now - self._began,
                bytes_read=read,
                bytes_total=self._total,
                rows=self.rows,
                rate=rate,
                left_seconds=(self._total - read) / rate if rate > 0 and read < self._total else None,
                tasks_done=tasks_done,
                tasks_total=self.tasks.all_tasks if self.tasks else 0,
                doing=tuple(sorted(self._doing)),
            )


class Ticker:
    """Reports a meter's progress, and stops a board when asked to, until it is closed."""

    def __init__(self, meter: Meter, report: ProgressCallback | None, tick: Callable[[], None]) -> None:
        self._meter, self._report, self._tick = meter, report, tick
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="load-progress")
        self._thread.start()

    def _run(self) -> None:
        while not self._closed.wait(EVERY):
            self._tick()
            if self._report:
                self._report(self._meter.measure())

    def close(self) -> None:
        """Ends with a last report."""
        self._closed.set()
        self._thread.join()
        if self._report:
            self._report(self._meter.measure())
