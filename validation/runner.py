"""Runs a validation: connects, reads the catalogs, asks everything on one snapshot, judges."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from validation import catalog as catalogs
from validation import plan, queries
from validation.asking import Outcome, Terms, ask_all
from validation.baseline.model import Baseline, BaselineError
from validation.catalog import Catalog
from validation.checks import server
from validation.expected import Expectations
from validation.first_failure import FirstFailure
from validation.model import CheckResult, Report, Verdict
from validation.order import ordered
from validation.questions import Answer, Answers, Check, Question, Side, Unanswered, result, with_examples
from validation.session import Session, Unreachable, connect
from validation.target import Target


def run(
    target: Target,
    expectations: Expectations,
    *,
    source: Target | None = None,
    baseline: Baseline | BaselineError | None = None,
    restore_point: datetime | None = None,
    waivers: Mapping[str, str] | None = None,
    workers: int | None = None,
    budget_seconds: float | None = None,
    until_first_failure: bool = False,
    stop: threading.Event | None = None,
) -> Report:
    """Validates the target and returns what was found; changes nothing in either database.

    `baseline` is what the database held before; one that was wanted and can't be had is a BaselineError.
    `restore_point` is the time the target was restored to; of a restore to `latest` the time at which
    writing had stopped. `waivers` are {check name or family: reason}. `workers` and `budget_seconds` win over
    the expectations' limits; `until_first_failure` asks nothing more once a check has failed; `stop` ends the run
    early. Whatever isn't asked is INCONCLUSIVE in the report. Raises ValueError for a restore point without zone
    and a waiver without reason, and whatever the target's password function raises.
    """
    _refuse(restore_point, waivers or {})
    limits = expectations.limits
    budget = limits.budget_seconds if budget_seconds is None else budget_seconds
    began, started = time.monotonic(), datetime.now(UTC)
    terms = Terms(limits.statement_seconds, began + budget, stop or threading.Event())
    sessions = limits.workers if workers is None else workers
    with ExitStack() as stack:
        candidate = _reach(stack, target, Side.CANDIDATE, terms)
        beside = _reach(stack, source, Side.SOURCE, terms) if source else None
        checks = _checks(candidate, beside, expectations, baseline, restore_point)
        known = {**candidate.answers, **(beside.answers if beside else {})}
        first_failure = FirstFailure(checks, known, waivers or {}) if until_first_failure else None
        answers = known | _ask(
            candidate, beside, _unknown(checks, known, first_failure), terms, sessions, first_failure
        )
        results = _with_examples(candidate, checks, answers, terms)
    return Report(
        results=results,
        target=str(target),
        source=str(source) if source else None,
        restore_point=restore_point,
        started=started,
        seconds=time.monotonic() - began,
        waivers=dict(waivers or {}),
        not_declared=plan.not_declared(expectations),
        counts=_counts(answers),
    )


@dataclass(frozen=True)
class _Open:
    """A server whose catalog was read."""

    session: Session
    catalog: Catalog


@dataclass(frozen=True)
class _Reached:
    """What reaching a server came to: checks of that, their answers, and `open` when more can be asked."""

    target: Target
    checks: tuple[Check, ...]
    answers: Answers
    open: _Open | None = None


def _refuse(restore_point: datetime | None, waivers: Mapping[str, str]) -> None:
    if restore_point is not None and restore_point.tzinfo is None:
        raise ValueError("the restore point has no time zone: add Z or an offset")
    empty = [name for name, reason in waivers.items() if not reason.strip()]
    if empty:
        raise ValueError(f"waivers without a reason: {', '.join(empty)}")


def _reach(stack: ExitStack, target: Target, side: Side, terms: Terms) -> _Reached:
    """Connects and reads the catalog; the session is closed with the stack."""
    try:
        session = connect(target)
    except Unreachable as error:
        return _Reached(target, (server.unreachable(target, side, str(error)),), {})
    stack.callback(session.close)
    wanted = catalogs.questions(side)
    answers = ask_all(session, (server.question(side), *wanted), terms)
    checks = (server.connection(target, side), server.listed(side, wanted))
    read = [answers[question.id] for question in wanted]
    if any(isinstance(outcome, Unanswered) for outcome in answers.values()):
        return _Reached(target, checks, answers)
    catalog = catalogs.read(*(answer for answer in read if isinstance(answer, Answer)))
    return _Reached(target, checks, answers, _Open(session, catalog))


def _checks(
    candidate: _Reached,
    source: _Reached | None,
    expectations: Expectations,
    baseline: Baseline | BaselineError | None,
    restore_point: datetime | None,
) -> tuple[Check, ...]:
    reached = (*candidate.checks, *(source.checks if source else ()))
    if candidate.open is None:
        return reached
    beside = source.open.catalog if source and source.open else None
    catalog = candidate.open.catalog
    return (*reached, *plan.checks(candidate.target, catalog, expectations, beside, restore_point, baseline))


def _unknown(checks: Sequence[Check], known: Answers, first_failure: FirstFailure | None) -> tuple[Question, ...]:
    """Everything the checks ask that isn't known yet, in the order in which to ask it."""
    asked = {q.id: q for check in checks for q in check.questions if q.id not in known}
    return ordered(checks, tuple(asked.values()), until_first_failure=first_failure is not None)


def _ask(
    candidate: _Reached,
    source: _Reached | None,
    questions: Sequence[Question],
    terms: Terms,
    sessions: int,
    first_failure: FirstFailure | None,
) -> dict[str, Outcome]:
    """Asks both servers at the same time."""
    ours = [question for question in questions if question.side is Side.CANDIDATE]
    theirs = [question for question in questions if question.side is Side.SOURCE]
    with ThreadPoolExecutor(1) as aside:
        of_source = aside.submit(_ask_one, source, theirs, terms, first_failure)
        return _ask_together(candidate, ours, terms, sessions, first_failure) | of_source.result()


def _ask_one(
    reached: _Reached | None,
    questions: Sequence[Question],
    terms: Terms,
    first_failure: FirstFailure | None = None,
) -> dict[str, Outcome]:
    if reached is None or reached.open is None:
        return {}
    return ask_all(reached.open.session, questions, terms, first_failure=first_failure)


def _ask_together(
    reached: _Reached,
    questions: Sequence[Question],
    terms: Terms,
    sessions: int,
    first_failure: FirstFailure | None,
) -> dict[str, Outcome]:
    if reached.open is None:
        return {}
    lead = reached.open.session
    try:
        snapshot = lead.snapshot()
    except Unreachable:
        return ask_all(lead, questions, terms, first_failure=first_failure)
    another = partial(connect, reached.target, snapshot=snapshot)
    return ask_all(lead, questions, terms, another, sessions, first_failure)


def _with_examples(
    candidate: _Reached, checks: Sequence[Check], answers: Answers, terms: Terms
) -> tuple[CheckResult, ...]:
    """The results; what failed comes with keys of rows to look at, as far as time allows."""
    results = tuple(result(check, answers, queries.text) for check in checks)
    wanted = {
        found.name: check.examples
        for check, found in zip(checks, results, strict=True)
        if check.examples and found.verdict is Verdict.FAIL
    }
    examples = _ask_one(candidate, tuple(wanted.values()), terms)
    return tuple(
        with_examples(found, examples[wanted[found.name].id]) if found.name in wanted else found for found in results
    )


def _counts(answers: Answers) -> dict[str, int]:
    return {
        key.removeprefix("scan:"): int(answer.row["rows"])
        for key, answer in sorted(answers.items())
        if key.startswith("scan:") and isinstance(answer, Answer)
    }
