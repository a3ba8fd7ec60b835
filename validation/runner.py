"""Runs a validation: connects, reads the catalogs, asks everything on one snapshot, judges."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from validation import catalog as catalogs
from validation import plan, queries
from validation.asking import Outcome, ask_all, ask_in_turn
from validation.catalog import Catalog
from validation.checks import server
from validation.expected import Expectations, Limits
from validation.model import CheckResult, Report, Verdict
from validation.questions import Answer, Answers, Check, Question, Side, Unanswered, result, with_examples
from validation.session import Session, Unreachable, connect
from validation.target import Target


@dataclass(frozen=True)
class _Found:
    """One server as it was found: a check of the connection, and catalog and session when it could be read."""

    checks: tuple[Check, ...]
    answers: Answers
    session: Session | None = None
    catalog: Catalog | None = None


@dataclass(frozen=True)
class _Clock:
    limits: Limits
    deadline: float

    def ask_in_turn(self, session: Session, questions: Sequence[Question]) -> dict[str, Outcome]:
        return ask_in_turn(
            session,
            questions,
            statement_seconds=self.limits.statement_seconds,
            deadline=self.deadline,
        )

    def ask_all(
        self, lead: Session, another: Callable[[], Session], questions: Sequence[Question], sessions: int
    ) -> dict[str, Outcome]:
        return ask_all(
            lead,
            another,
            questions,
            sessions=sessions,
            statement_seconds=self.limits.statement_seconds,
            deadline=self.deadline,
        )


def run(
    target: Target,
    expectations: Expectations,
    *,
    source: Target | None = None,
    restore_point: datetime | None = None,
    waivers: Mapping[str, str] | None = None,
    workers: int | None = None,
    budget_seconds: float | None = None,
) -> Report:
    """Validates the target and returns what was found; changes nothing in either database.

    `restore_point` is the time the target was restored to; of a restore to `latest` the time at which
    writing had stopped. `waivers` are {check name or family: reason}. `workers` and `budget_seconds` win over
    the expectations' limits. Whatever can't be asked is INCONCLUSIVE in the report. Raises ValueError for a
    restore point without zone and a waiver without reason, and what a password function raises.
    """
    _refuse(restore_point, waivers or {})
    limits = expectations.limits
    limits = replace(
        limits,
        workers=limits.workers if workers is None else workers,
        budget_seconds=limits.budget_seconds if budget_seconds is None else budget_seconds,
    )
    began, started = time.monotonic(), datetime.now(UTC)
    clock = _Clock(limits, began + limits.budget_seconds)
    with ExitStack() as stack:
        results, counts = _validate(stack, target, expectations, source, restore_point, clock)
    return Report(
        results=results,
        target=str(target),
        source=str(source) if source else None,
        restore_point=restore_point,
        started=started,
        seconds=time.monotonic() - began,
        waivers=dict(waivers or {}),
        not_declared=plan.not_declared(expectations),
        counts=counts,
    )


def _refuse(restore_point: datetime | None, waivers: Mapping[str, str]) -> None:
    if restore_point is not None and restore_point.tzinfo is None:
        raise ValueError("the restore point has no time zone: add Z or an offset")
    empty = [name for name, reason in waivers.items() if not reason.strip()]
    if empty:
        raise ValueError(f"waivers without a reason: {', '.join(empty)}")


def _validate(
    stack: ExitStack,
    target: Target,
    expectations: Expectations,
    source: Target | None,
    restore_point: datetime | None,
    clock: _Clock,
) -> tuple[tuple[CheckResult, ...], dict[str, int]]:
    found = _find(stack, target, Side.CANDIDATE, clock)
    theirs = _find(stack, source, Side.SOURCE, clock) if source else None
    answers = {**found.answers, **(theirs.answers if theirs else {})}
    checks = [*found.checks, *(theirs.checks if theirs else ())]
    if found.session is None or found.catalog is None:
        return _results(checks, answers), {}
    beside = (source, theirs.catalog) if source and theirs and theirs.catalog else None
    checks += plan.checks(target, found.catalog, expectations, beside, restore_point)
    asked = {q.id: q for check in checks for q in check.questions if q.id not in answers}
    with ThreadPoolExecutor(1) as beside_us:
        of_source = beside_us.submit(_ask_source, theirs, [*asked.values()], clock)
        answers |= _ask_candidate(found.session, target, [*asked.values()], clock)
        answers |= of_source.result()
    results = _with_examples(found.session, checks, _results(checks, answers), clock)
    return results, _counts(answers)


def _find(stack: ExitStack, target: Target, side: Side, clock: _Clock) -> _Found:
    name = "connection" if side is Side.CANDIDATE else "source-connection"
    try:
        session = connect(target)
    except Unreachable as error:
        return _Found((server.unreachable(name, target, str(error)),), {})
    stack.callback(session.close)
    wanted = catalogs.questions(side)
    answers = clock.ask_in_turn(session, (server.question(side), *wanted))
    read = [answers[question.id] for question in wanted]
    checks = (server.connection(target, side), Check(_catalog_name(side), server.read, wanted))
    if any(isinstance(outcome, Unanswered) for outcome in answers.values()):
        return _Found(checks, answers)
    return _Found(checks, answers, session, catalogs.read(*(a for a in read if isinstance(a, Answer))))


def _catalog_name(side: Side) -> str:
    return "catalog" if side is Side.CANDIDATE else "source-catalog"


def _ask_source(source: _Found | None, questions: Sequence[Question], clock: _Clock) -> dict[str, Outcome]:
    if source is None or source.session is None:
        return {}
    return clock.ask_in_turn(source.session, [q for q in questions if q.side is Side.SOURCE])


def _ask_candidate(
    session: Session, target: Target, questions: Sequence[Question], clock: _Clock
) -> dict[str, Outcome]:
    ours = [question for question in questions if question.side is Side.CANDIDATE]
    try:
        snapshot = session.snapshot()
    except Unreachable:
        # Then the lead session alone asks, on its own snapshot
        return clock.ask_all(session, lambda: session, ours, 1)
    return clock.ask_all(session, lambda: connect(target, snapshot=snapshot), ours, clock.limits.workers)


def _results(checks: Sequence[Check], answers: Answers) -> tuple[CheckResult, ...]:
    return tuple(result(check, answers, queries.text) for check in checks)


def _with_examples(
    session: Session, checks: Sequence[Check], results: Sequence[CheckResult], clock: _Clock
) -> tuple[CheckResult, ...]:
    """Adds keys of rows to look at to what failed."""
    wanted = {
        check.name: check.examples
        for check, found in zip(checks, results, strict=True)
        if check.examples and found.verdict is Verdict.FAIL
    }
    answers = clock.ask_in_turn(session, tuple(wanted.values()))
    return tuple(
        with_examples(found, answers[wanted[found.name].id]) if found.name in wanted else found for found in results
    )


def _counts(answers: Answers) -> dict[str, int]:
    return {
        key.removeprefix("scan:"): int(answer.row["rows"])
        for key, answer in sorted(answers.items())
        if key.startswith("scan:") and isinstance(answer, Answer)
    }
