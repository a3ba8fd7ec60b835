"""Reads a baseline from a live database: everything on one snapshot, each table in one pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from validation.baseline.faults import FaultList, Faults
from validation.baseline.model import Baseline, Position, TableState
from validation.connect.query import Answer, Question, Side, Unanswered
from validation.connect.query_runner import Budget, QueryOutcome, ask_all
from validation.connect.session import ReadSession, Unreachable, connect
from validation.connect.target import Target
from validation.expectations.model import BUDGET_SECONDS, STATEMENT_SECONDS, Expectations, Freshness, Limits
from validation.expectations.table_names import Table
from validation.schema import catalog as catalogs
from validation.schema import snapshot
from validation.schema.catalog import Catalog, build_server_question
from validation.schema.table_scan import TIMESTAMPS, TableScan, build_scans
from validation.sql.queries import query
from validation.times import from_epoch

CLOCK = Question("clock", query("clock"))
SIZES = Question("sizes", query("sizes"))
POSITIONS = Question("sequence-positions", query("sequence_positions"))


FaultLists = Callable[[Catalog, int], Sequence[FaultList]]
"""What is to be asked for faults, of a catalog and the server's major version."""


class Unread(Exception):
    """The database could not be read whole: says what, why, and how to fix it."""


def _list_no_faults(_: Catalog, __: int) -> Sequence[FaultList]:
    return ()


def record(target: Target, limits: Limits | None = None, fault_lists: FaultLists = _list_no_faults) -> Baseline:
    """Returns the state of a database now, and what is wrong in it by these lists. Changes nothing in it. Raises
    Unread."""
    with open_reader(target, limits or Limits()) as reader:
        return reader.read_baseline(fault_lists)


@contextmanager
def open_reader(target: Target, limits: Limits) -> Generator[Reader]:
    """Yields a reader whose sessions are closed at the end. Raises Unread."""
    try:
        session = connect(target)
    except Unreachable as error:
        raise Unread(f"{target}: {error}") from error
    try:
        yield Reader(target, session, limits)
    finally:
        session.close()


class Reader:
    """Reads one database on one snapshot; what it can't read raises Unread."""

    def __init__(self, target: Target, session: ReadSession, limits: Limits) -> None:
        self._target, self._session = target, session
        self._workers = limits.workers
        deadline = time.monotonic() + (limits.budget_seconds or BUDGET_SECONDS)
        self._terms = Budget(limits.statement_seconds or STATEMENT_SECONDS, deadline)

    def read_catalog(self) -> Catalog:
        """Reads what the database is made of. Raises Unread."""
        return catalogs.read(Side.CANDIDATE, self.ask(catalogs.list_needed(Side.CANDIDATE)))

    def read_baseline(self, fault_lists: FaultLists = _list_no_faults) -> Baseline:
        """Reads the whole baseline, with what is wrong by these lists. Raises Unread."""
        catalog = self.read_catalog()
        passes = build_scans(catalog, _expect_newest_of_all(catalog))
        questions = (CLOCK, SIZES, POSITIONS, build_server_question(Side.CANDIDATE), *snapshot.build_questions())
        costly = sorted((scan.question for scan in passes.values()), key=lambda question: -question.cost)
        answers = self.ask((*questions, *costly))
        lists = fault_lists(catalog, int(answers[build_server_question(Side.CANDIDATE).id].row["major"]))
        return replace(_build_baseline(answers, passes), faults=self._read_faults(lists))

    def _read_faults(self, lists: Sequence[FaultList]) -> Mapping[str, Faults]:
        """What was found wrong; a list that isn't answered is left out, and then excuses nothing."""
        outcomes = self._ask_all([of.question for of in lists])
        faults_by_name = {
            of.question.id: of.read(got) for of in lists if isinstance(got := outcomes[of.question.id], Answer)
        }
        return {name: faults for name, faults in faults_by_name.items() if faults.count}

    def ask(self, questions: Sequence[Question]) -> Mapping[str, Answer]:
        """Returns the answer to every question, by its id. Raises Unread when one has none."""
        return _require_all(self._ask_all(questions))

    def _ask_all(self, questions: Sequence[Question]) -> Mapping[str, QueryOutcome]:
        try:
            another = partial(connect, self._target, snapshot=self._session.export_snapshot())
        except Unreachable:
            return ask_all(self._session, questions, self._terms)
        return ask_all(self._session, questions, self._terms, another, self._workers)


def _require_all(outcomes: Mapping[str, QueryOutcome]) -> Mapping[str, Answer]:
    """The answers, if there is one to each question. Raises Unread with every reason."""
    silent = {f"{outcome.found}; {outcome.fix}" for outcome in outcomes.values() if isinstance(outcome, Unanswered)}
    if silent:
        raise Unread(
            "\n".join(("the database could not be read whole:", *(f"  {reason}" for reason in sorted(silent))))
        )
    return {key: outcome for key, outcome in outcomes.items() if isinstance(outcome, Answer)}


def _expect_newest_of_all(catalog: Catalog) -> Expectations:
    """As if the newest value of every timestamp column were declared."""
    return Expectations(
        freshness=tuple(
            Freshness(facts.table, column, 0)
            for facts in catalog.tables
            if not facts.partition
            for column, kind in facts.columns.items()
            if kind in TIMESTAMPS
        )
    )


def _build_baseline(answers: Mapping[str, Answer], passes: Mapping[Table, TableScan]) -> Baseline:
    sizes = {Table(row["schema"], row["name"]): int(row["bytes"]) for row in answers[SIZES.id].row["sizes"]}
    about = answers[build_server_question(Side.CANDIDATE).id].row
    taken: datetime = answers[CLOCK.id].row["now"]
    return Baseline(
        taken=taken,
        database=about["database"],
        server_version=about["version"],
        tables={
            table: _build_state(answers[scan.question.id].row, scan, sizes[table])
            for table, scan in sorted(passes.items())
        },
        sequences=select_given(answers[POSITIONS.id].row["sequences"]),
        schema=snapshot.read(answers),
    )


def _build_state(row: Mapping[str, Any], scan: TableScan, size: int) -> TableState:
    moments = {column: row[alias] for column, alias in scan.newest.items() if row[alias] is not None}
    newest = {column: at for column, epoch in moments.items() if (at := from_epoch(epoch)) is not None}
    return TableState(int(row["rows"]), size, newest)


def select_given(rows: Iterable[Mapping[str, Any]]) -> Mapping[Table, Position]:
    """Returns the sequences that gave a value. Raises Unread for one that this login can't read."""
    positions = list(rows)
    closed = [str(Table(row["schema"], row["name"])) for row in positions if not row["readable"]]
    if closed:
        raise Unread(f"no right to read {', '.join(closed)}; grant the login pg_read_all_data, or select on them")
    return {
        Table(row["schema"], row["name"]): Position(int(row["last"]), int(row["increment"]))
        for row in positions
        if row["last"] is not None
    }
