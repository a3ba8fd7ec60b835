"""Runs a validation: connects, reads the catalogs, asks everything on one snapshot, judges."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from validation import catalog as catalogs
from validation import plan, queries
from validation.asking import Outcome, Terms, ask_all
from validation.catalog import Catalog
from validation.checks import server
from validation.expected import Expectations
from validation.fingerprint import Fingerprint
from validation.model import CheckResult, Report, Verdict
from validation.questions import Answer, Answers, Check, Question, Side, Unanswered, result, with_examples
from validation.session import Session, Unreachable, connect
from validation.target import Target


def run(
    target: Target,
    expectations: Expectations,
    *,
    source: Target | None = None,
    schema: Fingerprint | None = None,
    restore_point: datetime | None = None,
    waivers: Mapping[str, str] | None = None,
    workers: int | None = None,
    budget_seconds: float | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Validates the target and returns what was found; changes nothing in either database.

    `schema` is what the target's is held against, as recorded when all was well; without it the source's is.
    `restore_point` is the time the target was restored to; of a restore to `latest` the time at which
    writing had stopped. `waivers` are {check name or family: reason}. `workers` and `budget_seconds` win over
    the expectations' limits; `stop` ends the run early. Whatever can't be asked is INCONCLUSIVE in the
    report. Raises ValueError for a restore point without zone and a waiver without reason, and whatever the
    target's password function raises.
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
        checks = _checks(candidate, beside, expectations, restore_point, schema)
        answers = _ask(candidate, beside, checks, terms, sessions)
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
    """A server whose catalog was read; `version` is the major one."""

    session: Session
    catalog: Catalog
    version: int


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
    wanted = catalogs.needed(side)
    answers = ask_all(session, (server.question(side), *catalogs.questions(side)), terms)
    checks = (server.connection(target, side), server.listed(side, wanted))
    heard = {key: answer for key, answer in answers.items() if isinstance(answer, Answer)}
    if any(question.id not in heard for question in (server.question(side), *wanted)):
        return _Reached(target, checks, answers)
    version = int(heard[server.question(side).id].row["major"])
    return _Reached(target, checks, answers, _Open(session, catalogs.read(side, heard), version))


def _checks(
    candidate: _Reached,
    source: _Reached | None,
    expectations: Expectations,
    restore_point: datetime | None,
    schema: Fingerprint | None,
) -> tuple[Check, ...]:
    reached = (*candidate.checks, *(source.checks if source else ()))
    if candidate.open is None:
        return reached
    beside = source.open.catalog if source and source.open else None
    found = candidate.open
    planned = plan.checks(candidate.target, found.catalog, expectations, beside, restore_point, found.version, schema)
    return (*reached, *planned)


def _ask(candidate: _Reached, source: _Reached | None, checks: Sequence[Check], terms: Terms, sessions: int) -> Answers:
    """Everything the checks ask that isn't known yet, of both servers at the same time."""
    known = {**candidate.answers, **(source.answers if source else {})}
    asked = {q.id: q for check in checks for q in check.questions if q.id not in known}
    ours = [question for question in asked.values() if question.side is Side.CANDIDATE]
    theirs = [question for question in asked.values() if question.side is Side.SOURCE]
    beside = replace(terms, stop=threading.Event())
    with ThreadPoolExecutor(2) as aside:
        of_source = aside.submit(_ask_one, source, theirs, terms)
        borrowing = aside.submit(_ask_borrowing, candidate, [q for q in ours if q.borrows], beside)
        together = _ask_together(candidate, [q for q in ours if not q.borrows], terms, sessions)
        lost = any(isinstance(outcome, Unanswered) and outcome.lost for outcome in together.values())
        while not borrowing.done():
            if lost or terms.stop.is_set():
                beside.stop.set()
            wait([borrowing], 0.2)
        return known | together | of_source.result() | borrowing.result()


def _ask_one(reached: _Reached | None, questions: Sequence[Question], terms: Terms) -> dict[str, Outcome]:
    if reached is None or reached.open is None:
        return {}
    return ask_all(reached.open.session, questions, terms)


def _ask_together(reached: _Reached, questions: Sequence[Question], terms: Terms, sessions: int) -> dict[str, Outcome]:
    if reached.open is None:
        return {}
    lead = reached.open.session
    try:
        snapshot = lead.snapshot()
    except Unreachable:
        return ask_all(lead, questions, terms)
    return ask_all(lead, questions, terms, partial(connect, reached.target, snapshot=snapshot), sessions)


def _ask_borrowing(reached: _Reached, questions: Sequence[Question], terms: Terms) -> dict[str, Outcome]:
    """In one session for each extension, which creates it for itself and never commits: others would wait for it."""
    outcomes: dict[str, Outcome] = {}
    for extension in sorted({question.borrows for question in questions if question.borrows}):
        asked = [question for question in questions if question.borrows == extension]
        outcomes |= _ask_with(reached.target, extension, asked, terms)
    return outcomes


def _ask_with(target: Target, extension: str, questions: Sequence[Question], terms: Terms) -> dict[str, Outcome]:
    try:
        session = connect(target, borrow=extension)
    except Unreachable as error:
        found, fix = (
            f"no extension {extension}: {error}",
            f"create extension {extension} in the database, then run again",
        )
        return {question.id: Unanswered(Verdict.INCONCLUSIVE, found, fix) for question in questions}
    try:
        return ask_all(session, questions, terms)
    finally:
        session.close()


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
