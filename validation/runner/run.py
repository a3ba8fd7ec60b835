"""Runs a validation: connects, reads the catalogs, asks everything on one snapshot, judges."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from validation.baseline.model import Baseline, BaselineError
from validation.checks import baseline as baseline_checks
from validation.checks.check import Check
from validation.connect.query import Answer, Answers, Question, Side
from validation.connect.query_runner import Budget
from validation.connect.target import Target
from validation.expectations.model import BUDGET_SECONDS, STATEMENT_SECONDS, Expectations
from validation.runner import application_checks, build_checks, known_faults, servers
from validation.runner.kept import AnswerStore, KeptAnswers
from validation.runner.limits import allow_budget, describe_reading, estimate_page_seconds
from validation.runner.query_order import order_questions
from validation.runner.result import CheckResult, ValidationReport, add_examples, evaluate
from validation.runner.servers import ReachedServer
from validation.schema.catalog import Catalog, measure_question, with_blocks
from validation.schema.sample import FIRST_VERSION, SampleSummary, Sampling
from validation.schema.snapshot import SchemaSnapshot
from validation.schema.table_scan import read_count
from validation.verdict import Depth, Verdict


def ignore(_text: str) -> None:
    """Does nothing with a text."""


def run(
    target: Target,
    expectations: Expectations,
    *,
    source: Target | None = None,
    application: Target | None = None,
    administrator: Target | None = None,
    baseline: Baseline | BaselineError | None = None,
    schema: SchemaSnapshot | None = None,
    restore_point: datetime | None = None,
    waivers: Mapping[str, str] | None = None,
    workers: int | None = None,
    budget_seconds: float | None = None,
    stop: threading.Event | None = None,
    deadline: float | None = None,
    depth: Depth = Depth.FULL,
    seed: str = "",
    kept: AnswerStore | None = None,
    say: Callable[[str], object] = ignore,
) -> ValidationReport:
    """Validates the target and returns what was found; changes nothing in either database.

    `application` is the target with the application's own login, which tries what it must be able to do.
    `administrator` is the target with the login that calls amcheck, where the target's own only reads.
    `baseline` is what the database held before; one that was wanted and can't be had is a BaselineError. `schema` is
    what the target's is held against; without it the baseline's is, and without that the source's.
    `restore_point` is the time the target was restored to; of a restore to `latest` the time at which
    writing had stopped. `waivers` are {check name or family: reason}. `workers` and `budget_seconds` win over
    the expectations' limits; `stop` ends the run early, and so does `deadline`, a time.monotonic(). Whatever isn't
    asked is INCONCLUSIVE in the report. With `depth` SAMPLE only a sample of large tables is read, drawn by `seed`.
    Costly answers go into `kept`; those that a run before this one left there aren't asked for again while their tables
    are the same. `say` is told how much there is to read.
    Raises ValueError for a restore point without zone and a waiver without reason, and whatever the target's
    password function raises.
    """
    _refuse(restore_point, waivers or {})
    limits = expectations.limits
    if budget_seconds is not None:
        limits = replace(limits, budget_seconds=budget_seconds)
    began, started = time.monotonic(), datetime.now(UTC)
    last = math.inf if deadline is None else deadline
    sessions = limits.workers if workers is None else workers
    budget = Budget(
        limits.statement_seconds or STATEMENT_SECONDS,
        min(began + (limits.budget_seconds or BUDGET_SECONDS), last),
        stop or threading.Event(),
        estimate_page_seconds(limits, sessions),
    )
    answers_of_before = KeptAnswers.open(kept, target, budget)
    with ExitStack() as stack:
        stack.callback(answers_of_before.flush)
        candidate = servers.reach(stack, target, Side.CANDIDATE, budget)
        source_server = servers.reach(stack, source, Side.SOURCE, budget) if source else None
        login = servers.log_in(stack, application, budget, candidate=candidate) if application else None
        sampling = _choose_sampling(candidate, depth, seed)
        candidate = _measure_tables(candidate, budget) if sampling else candidate
        checks = _plan_checks(candidate, source_server, expectations, restore_point, baseline, schema, sampling)
        checks += (
            application_checks.build_checks(candidate, source_server, login, expectations, budget) if login else ()
        )
        reached = (candidate, source_server, login)
        known_answers = {key: answer for server in reached if server for key, answer in server.answers.items()}
        planned = _select_unanswered(checks, known_answers)
        size = _measure(candidate)
        budget = replace(
            budget,
            deadline=min(began + allow_budget(limits, planned, size, depth), last),
            hear=answers_of_before.hear,
        )
        known_answers |= answers_of_before.recall(planned)
        questions = tuple(question for question in planned if question.id not in known_answers)
        say(describe_reading(questions, size, depth, len(answers_of_before.recalled)))
        answers = known_answers | servers.ask(
            candidate, source_server, login, questions, budget, sessions, administrator
        )
        results = tuple(evaluate(check, answers) for check in checks)
        before = baseline_checks.fit_baseline(baseline, restore_point)
        results = known_faults.tell_known_faults(
            candidate, source_server, before, checks, results, budget, sessions, administrator
        )
        results = _add_examples(candidate, checks, results, budget)
    return ValidationReport(
        results=results,
        target=str(target),
        source=str(source) if source else None,
        restore_point=restore_point,
        baseline=baseline.taken if isinstance(baseline, Baseline) else None,
        started=started,
        seconds=time.monotonic() - began,
        waivers=dict(waivers or {}),
        not_declared=build_checks.list_not_declared(expectations),
        counts=_count_rows(answers),
        depth=Depth.SAMPLE if sampling else Depth.FULL,
        sample=_summarize(candidate, checks, expectations, sampling),
        reused=len(answers_of_before.recalled),
        reused_since=min(answers_of_before.recalled, default=None),
    )


def _choose_sampling(candidate: ReachedServer, depth: Depth, seed: str) -> Sampling | None:
    """None where all is read: a server that reads ranges of blocks no faster than whole tables is read in full."""
    if depth is Depth.FULL or candidate.open is None or candidate.open.version < FIRST_VERSION:
        return None
    return Sampling(seed)


def _measure_tables(candidate: ReachedServer, budget: Budget) -> ReachedServer:
    """The candidate with the sizes of its tables as they are now; where it tells none, as of their last ANALYZE."""
    question = measure_question()
    outcome = servers.ask_one(candidate, (question,), budget).get(question.id)
    if candidate.open is None or not isinstance(outcome, Answer):
        return candidate
    return replace(candidate, open=replace(candidate.open, catalog=with_blocks(candidate.open.catalog, outcome)))


def _measure(candidate: ReachedServer) -> int:
    """Blocks of all tables, without their indexes."""
    catalog = candidate.open.catalog if candidate.open else Catalog(())
    return sum(leaf.blocks for facts in catalog.tables if not facts.partition for leaf in facts.leaves)


def _summarize(
    candidate: ReachedServer, checks: Sequence[Check], expectations: Expectations, sampling: Sampling | None
) -> SampleSummary | None:
    if sampling is None or candidate.open is None:
        return None
    opened = candidate.open
    return build_checks.summarize_sample(opened.catalog, checks, expectations, opened.version, sampling)


def _refuse(restore_point: datetime | None, waivers: Mapping[str, str]) -> None:
    if restore_point is not None and restore_point.tzinfo is None:
        raise ValueError("the restore point has no time zone: add Z or an offset")
    empty = [name for name, reason in waivers.items() if not reason.strip()]
    if empty:
        raise ValueError(f"waivers without a reason: {', '.join(empty)}")


def _plan_checks(
    candidate: ReachedServer,
    source: ReachedServer | None,
    expectations: Expectations,
    restore_point: datetime | None,
    baseline: Baseline | BaselineError | None,
    schema: SchemaSnapshot | None,
    sampling: Sampling | None,
) -> tuple[Check, ...]:
    reached = (*candidate.checks, *(source.checks if source else ()))
    if candidate.open is None:
        return reached
    of_source = source.open.catalog if source and source.open else None
    opened = candidate.open
    planned = build_checks.build_checks(
        candidate.target,
        opened.catalog,
        expectations,
        of_source,
        restore_point,
        opened.version,
        baseline,
        schema,
        sampling,
    )
    return (*reached, *planned)


def _select_unanswered(checks: Sequence[Check], answers: Answers) -> tuple[Question, ...]:
    """Everything the checks ask that isn't known yet, in the order in which to ask it."""
    by_id = {q.id: q for check in checks for q in check.questions if q.id not in answers}
    return order_questions(checks, tuple(by_id.values()))


def _add_examples(
    candidate: ReachedServer, checks: Sequence[Check], results: tuple[CheckResult, ...], budget: Budget
) -> tuple[CheckResult, ...]:
    """The results; what failed comes with keys of rows to look at, as far as time allows."""
    questions = {
        result.name: check.examples
        for check, result in zip(checks, results, strict=True)
        if check.examples and result.verdict is Verdict.FAIL and not result.examples
    }
    examples = servers.ask_one(candidate, tuple(questions.values()), budget)
    return tuple(
        add_examples(result, examples[questions[result.name].id]) if result.name in questions else result
        for result in results
    )


def _count_rows(answers: Answers) -> dict[str, int]:
    return {
        key.removeprefix("scan:"): read_count(answer.row).read
        for key, answer in sorted(answers.items())
        if key.startswith("scan:") and isinstance(answer, Answer)
    }
