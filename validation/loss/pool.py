"""Compares tables several at a time, and comes back when the time is up, whatever the servers do."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from validation.connect.session import Unreachable
from validation.expectations.table_names import Table
from validation.loss.both_servers import NotCompared, ServerPair, run_in_daemon
from validation.loss.model import Precision, Status, TableLoss

LOG = logging.getLogger(__name__)
GRACE = 5.0
"""Seconds that the last answers may be late before the report is made without them."""
POLL = 0.2


@dataclass(frozen=True)
class TableJob:
    """One table to compare. `pages` is its size; `guess` its rows on both sides, as the planners think."""

    table: Table
    pages: int
    work: Callable[[ServerPair], TableLoss]
    guess: tuple[int | None, int | None]


@dataclass
class Pool:
    """What the workers share."""

    deadline: float
    """Of time.monotonic()."""
    stop: threading.Event
    jobs: queue.SimpleQueue[TableJob] = field(default_factory=queue.SimpleQueue[TableJob])
    done: queue.SimpleQueue[TableLoss] = field(default_factory=queue.SimpleQueue[TableLoss])
    open: list[ServerPair] = field(default_factory=list[ServerPair])

    def serve(self, sides: ServerPair) -> None:
        """Compares tables until there are none left, or a session is lost."""
        self.open.append(sides)
        while sides.usable:
            try:
                job = self.jobs.get_nowait()
            except queue.Empty:
                return
            self.done.put(_work(job, sides))

    def serve_another(self, open_another: Callable[[], ServerPair]) -> None:
        """Does the same in sessions of its own; where these can't be had, the others do the work."""
        try:
            sides = open_another()
        except (Unreachable, NotCompared):
            return
        try:
            self.serve(sides)
        finally:
            sides.close()


def compare_all(
    pool: Pool, jobs: Iterable[TableJob], lead: ServerPair, open_another: Callable[[], ServerPair] | None, workers: int
) -> tuple[tuple[TableLoss, ...], bool]:
    """Returns every table's result, by name, and whether the lead's sessions came back. The smallest tables come first,
    so that a budget that is too small costs the largest only."""
    ordered = sorted(jobs, key=lambda job: job.pages)
    for job in ordered:
        pool.jobs.put(job)
    at_work = [run_in_daemon(partial(pool.serve, lead))]
    if open_another is not None:
        more = min(workers, len(ordered)) - 1
        at_work += [run_in_daemon(partial(pool.serve_another, open_another)) for _ in range(more)]
    _await(pool, at_work)
    return _collect_results(pool, ordered), at_work[0].done()


def _await(pool: Pool, at_work: list[Future[None]]) -> None:
    """Until all are done, the deadline has passed, or a stop: then what the servers are at is cancelled."""
    while (left := pool.deadline + GRACE - time.monotonic()) > 0:
        if not wait(at_work, min(left, POLL)).not_done:
            return
        if pool.stop.is_set():
            for sides in tuple(pool.open):
                run_in_daemon(sides.cancel)
            wait(at_work, GRACE)
            return


def _collect_results(pool: Pool, jobs: Iterable[TableJob]) -> tuple[TableLoss, ...]:
    losses: dict[str, TableLoss] = {}
    with suppress(queue.Empty):
        while True:
            result = pool.done.get_nowait()
            losses[result.table] = result
    results = (
        losses.get(str(job.table)) or _make_not_compared(job, "a session was lost, or the time was up") for job in jobs
    )
    return tuple(sorted(results, key=lambda table: table.table))


def _work(job: TableJob, sides: ServerPair) -> TableLoss:
    try:
        return job.work(sides)
    except Exception as error:
        # In a thread of its own: raised, it would reach nobody
        LOG.exception("comparing %s", job.table)
        return _make_not_compared(job, f"{type(error).__name__} while comparing; see the log, and report it")


def _make_not_compared(job: TableJob, why: str) -> TableLoss:
    source, candidate = job.guess
    return TableLoss(
        str(job.table),
        Status.UNKNOWN,
        Precision.ESTIMATED,
        source,
        candidate,
        notes=(f"not compared: {why}; the numbers of rows are the planner's guess",),
    )
