"""Makes a loss report: connects to both servers, pairs their tables, has them compare_table several at a time.

Read-only, on one snapshot per server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial

from validation.checks import server
from validation.connect.query import Answer, Row
from validation.connect.session import ReadSession, Unreachable, connect
from validation.connect.target import Target
from validation.expectations.table_names import Table
from validation.loss import comparability
from validation.loss.both_servers import NotCompared, ServerPair, run_in_daemon
from validation.loss.buckets import parse_epoch
from validation.loss.comparability import TableShape
from validation.loss.model import LossReport, Writing
from validation.loss.pool import Pool, TableJob, compare_all
from validation.loss.tables import compare_table, count_one_sided
from validation.sql.queries import query
from validation.verdict import Verdict

BUDGET_SECONDS = 300.0
WORKERS = 2


def run(
    source: Target,
    candidate: Target,
    *,
    budget_seconds: float = BUDGET_SECONDS,
    workers: int = WORKERS,
    timestamps: Mapping[Table, str] | None = None,
    stop: threading.Event | None = None,
) -> LossReport:
    """Compares the candidate with the source, table by table; changes nothing in either.

    `workers` tables are compared at a time, with a session per server each. `timestamps` names the column that says how
    old a table's rows are, where it is none of the usual. Whatever can't be compared is UNKNOWN in the report, or one
    of its problems: nothing is raised for it, only what the targets' password functions raise.
    """
    began = time.monotonic()
    pool = Pool(began + budget_seconds, stop or threading.Event())
    targets = (source, candidate)

    def report_nothing(why: object) -> LossReport:
        return LossReport((), str(source), str(candidate), seconds=time.monotonic() - began, problems=(str(why),))

    try:
        lead = _connect_both(targets, (None, None), pool)
    except (Unreachable, NotCompared) as error:
        return report_nothing(error)
    try:
        another = _make_opener(targets, lead, pool)
        taken = _prepare_both(lead)
        jobs = tuple(_list_jobs(lead, timestamps or {}))
        before = _read_activity(lead)
        tables, came_back = compare_all(pool, jobs, lead, another, workers)
        writing = _judge_writing(before, _read_activity(lead)) if came_back else None
    except NotCompared as error:
        lead.close()
        return report_nothing(error)
    if came_back:
        # Otherwise a thread still waits in it; it ends with the process, and the server's statement timeout before
        lead.close()
    return LossReport(tables, str(source), str(candidate), taken[0], taken[1], time.monotonic() - began, writing)


def _connect_both(targets: tuple[Target, Target], snapshots: tuple[str | None, str | None], pool: Pool) -> ServerPair:
    """A session on each side, both opened at the same time. Raises Unreachable."""
    aside = run_in_daemon(lambda: _open_session("source", targets[0], snapshots[0]))
    try:
        candidate = _open_session("candidate", targets[1], snapshots[1])
    except Unreachable:
        aside.add_done_callback(lambda future: None if future.exception() else future.result().close())
        raise
    try:
        return ServerPair(aside.result(), candidate, pool.deadline, pool.stop)
    except Unreachable:
        candidate.close()
        raise


def _open_session(side: str, target: Target, snapshot: str | None) -> ReadSession:
    try:
        return connect(target, snapshot=snapshot)
    except Unreachable as error:
        raise Unreachable(f"{side} {target}: {error}") from error


def _make_opener(targets: tuple[Target, Target], lead: ServerPair, pool: Pool) -> Callable[[], ServerPair] | None:
    """Opens further sessions on the lead's snapshots; None where a server can't export its own."""
    try:
        snapshots = (lead.source.export_snapshot(), lead.candidate.export_snapshot())
    except Unreachable:
        return None

    def open_another() -> ServerPair:
        sides = _connect_both(targets, snapshots, pool)
        sides.ask(query("loss_session"), query("loss_session"))
        return sides

    return open_another


def _prepare_both(lead: ServerPair) -> tuple[Decimal | None, Decimal | None]:
    """The times of both snapshots. Raises NotCompared for servers that can't be compare_table."""
    here, there = lead.ask(query("loss_session"), query("loss_session"))
    source, candidate = lead.ask(query("server"), query("server"))
    same = server.build_not_the_source().judge([Answer(candidate), Answer(source)])
    if same.verdict is not Verdict.PASS:
        raise NotCompared(f"{same.found}; {same.fix}")
    if len({tuple(rows[0].values()) for rows in lead.ask(query("loss_probe"), query("loss_probe"))}) > 1:
        raise NotCompared("source and candidate hash equal values differently: compare them by other means")
    return parse_epoch(here[0]["taken"]), parse_epoch(there[0]["taken"])


def _list_jobs(lead: ServerPair, timestamps: Mapping[Table, str]) -> Iterator[TableJob]:
    answers = lead.ask(query("loss_tables"), query("loss_tables"))
    source, candidate = (comparability.read(Answer(rows)) for rows in answers)
    for table in sorted(source.keys() | candidate.keys()):
        yield _make_job(table, source.get(table), candidate.get(table), timestamps)


def _make_job(
    table: Table, here: TableShape | None, there: TableShape | None, timestamps: Mapping[Table, str]
) -> TableJob:
    guess = (here.rows if here else None, there.rows if there else None)
    if here and there:
        pair = comparability.pair_tables(here, there, timestamps)
        return TableJob(table, pair.pages, partial(compare_table, pair), guess)
    only = here or there
    assert only is not None
    return TableJob(table, only.pages, partial(count_one_sided, only, here is not None), guess)


def _read_activity(lead: ServerPair) -> Row | None:
    """The source's counters now; None where it doesn't tell, or there is no time left."""
    try:
        lead.ask_source(query("loss_statistics_again"))
        return lead.ask_source(query("loss_activity"))[0]
    except NotCompared:
        return None


def _judge_writing(before: Row | None, after: Row | None) -> Writing | None:
    if before is None or after is None:
        return None
    return Writing(
        max(0, int(after["written"]) - int(before["written"])),
        max(int(before["writing"]), int(after["writing"])),
        max(int(before["sessions"]), int(after["sessions"])),
    )
