"""Runs a validation: connects, reads the catalogs, asks everything on one snapshot, judges."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from validation.baseline.model import Baseline, BaselineError
from validation.checks.baseline import fit_baseline
from validation.checks.check import Check
from validation.connect.query import Answer, Answers, Question, Side
from validation.connect.query_runner import Budget
from validation.connect.target import Target
from validation.expectations.model import BUDGET_SECONDS, STATEMENT_SECONDS, Expectations, Limits
from validation.runner import application_checks, build_checks, known_faults, servers
from validation.runner.kept import AnswerStore, KeptAnswers
from validation.runner.limits import allow_budget, describe_reading, estimate_page_seconds
from validation.runner.query_order import order_questions
from validation.runner.result import CheckResult, ValidationReport, add_examples, evaluate
from validation.runner.servers import ReachedServer, Servers
from validation.schema.catalog import Catalog, add_blocks, measure_question
from validation.schema.sample import FIRST_VERSION, SampleSummary, Sampling
from validation.schema.snapshot import SchemaSnapshot
from validation.schema.table_scan import read_count
from validation.verdict import Depth, Verdict


def ignore(_text: str) -> None:
    """Does nothing with a text."""


@dataclass(frozen=True)
class RunOptions:
    """What a run has besides its target and the expectations."""

    source: Target | None = None
    application: Target | None = None
    """The target with the application's own login, which tries what it must be able to do."""
    administrator: Target | None = None
    """The target with the login that calls amcheck, where the target's own only reads."""
    baseline: Baseline | BaselineError | None = None
    """What the database held before; one that was wanted and can't be had is a BaselineError."""
    schema: SchemaSnapshot | None = None
    """What the target's is held against; without it the baseline's is, and without that the source's."""
    restore_point: datetime | None = None
    """The time the target was restored to; of a restore to `latest` the time at which writing had stopped."""
    waivers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Reasons, by the name of a check or family."""
    workers: int | None = None
    """Wins over the expectations' limit."""
    budget_seconds: float | None = None
    """Wins over the expectations' limit."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends the run early: whatever isn't asked by then is INCONCLUSIVE in the report."""
    deadline: float = math.inf
    """A time.monotonic() that ends the run as `stop` does."""
    depth: Depth = Depth.FULL
    """With SAMPLE only a sample of large tables is read."""
    seed: str = ""
    """What the sample is drawn by."""
    kept: AnswerStore | None = None
    """Takes costly answers. Those that a run before this one left there aren't asked for again while their tables are
    the same."""
    say: Callable[[str], object] = ignore
    """Is told how much there is to read."""


def run(target: Target, expectations: Expectations, options: RunOptions | None = None) -> ValidationReport:
    """Validates the target and returns what was found; changes nothing in either database.

    Raises ValueError for a restore point without zone and a waiver without reason, and whatever the target's
    password function raises.
    """
    options = options or RunOptions()
    _refuse(options)
    this_run = _Run(target, expectations, options, _choose_limits(expectations.limits, options))
    budget = this_run.make_budget()
    kept = KeptAnswers.open(options.kept, target, budget)
    with ExitStack() as stack:
        stack.callback(kept.flush)
        reached = this_run.reach(stack, budget)
        sampling = _choose_sampling(reached.candidate, options)
        if sampling:
            reached = replace(reached, candidate=_measure_tables(reached.candidate, budget))
        checks = this_run.plan_checks(reached, sampling, budget)
        planned = _select_unanswered(checks, reached.answers)
        budget = this_run.extend_budget(budget, planned, _count_blocks(reached.candidate), kept)
        answers = this_run.ask(reached, planned, budget, kept)
        results = this_run.judge(reached, checks, answers, budget)
    return this_run.build_report(reached, checks, sampling, answers, results, kept)


@dataclass(frozen=True)
class _Run:
    """One run: what it was given, and when it began."""

    target: Target
    expectations: Expectations
    options: RunOptions
    limits: Limits
    """With what the options win over."""
    began: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def make_budget(self) -> Budget:
        """What reaching the servers may take: how much there is to read isn't known yet."""
        seconds = self.limits.budget_seconds or BUDGET_SECONDS
        return Budget(
            self.limits.statement_seconds or STATEMENT_SECONDS,
            min(self.began + seconds, self.options.deadline),
            self.options.stop,
            estimate_page_seconds(self.limits, self.limits.workers),
        )

    def extend_budget(self, budget: Budget, planned: Sequence[Question], blocks: int, kept: KeptAnswers) -> Budget:
        """What the questions may take, by how much they read."""
        seconds = allow_budget(self.limits, planned, blocks, self.options.depth)
        return replace(budget, deadline=min(self.began + seconds, self.options.deadline), hear=kept.hear)

    def reach(self, stack: ExitStack, budget: Budget) -> Servers:
        source, application = self.options.source, self.options.application
        candidate = servers.reach(stack, self.target, Side.CANDIDATE, budget)
        return Servers(
            candidate,
            servers.reach(stack, source, Side.SOURCE, budget) if source else None,
            servers.log_in(stack, application, budget, candidate=candidate) if application else None,
            self.options.administrator,
            self.limits.workers,
        )

    def plan_checks(self, reached: Servers, sampling: Sampling | None, budget: Budget) -> tuple[Check, ...]:
        """The checks of both servers, then the application's."""
        candidate, source, application = reached.candidate, reached.source, reached.application
        checks = (*candidate.checks, *(source.checks if source else ()))
        if candidate.open:
            checks += build_checks.build_checks(
                candidate.target,
                candidate.open.catalog,
                self.expectations,
                source.open.catalog if source and source.open else None,
                self.options.restore_point,
                candidate.open.version,
                self.options.baseline,
                self.options.schema,
                sampling,
            )
        if application:
            checks += application_checks.build_checks(candidate, source, application, self.expectations, budget)
        return checks

    def ask(self, reached: Servers, planned: Sequence[Question], budget: Budget, kept: KeptAnswers) -> Answers:
        """All answers by the questions' ids: of reaching the servers, of an earlier run, and of this one."""
        known = reached.answers | kept.recall(planned)
        questions = tuple(question for question in planned if question.id not in known)
        blocks = _count_blocks(reached.candidate)
        self.options.say(describe_reading(questions, blocks, self.options.depth, len(kept.recalled)))
        return known | servers.ask(reached, questions, budget)

    def judge(
        self, reached: Servers, checks: Sequence[Check], answers: Answers, budget: Budget
    ) -> tuple[CheckResult, ...]:
        """The results; of what failed, whether the source or the baseline has it too, and examples."""
        results = tuple(evaluate(check, answers) for check in checks)
        baseline = fit_baseline(self.options.baseline, self.options.restore_point)
        results = known_faults.tell_known_faults(reached, baseline, checks, results, budget)
        return _add_examples(reached.candidate, checks, results, budget)

    def build_report(
        self,
        reached: Servers,
        checks: Sequence[Check],
        sampling: Sampling | None,
        answers: Answers,
        results: tuple[CheckResult, ...],
        kept: KeptAnswers,
    ) -> ValidationReport:
        options = self.options
        return ValidationReport(
            results=results,
            target=str(self.target),
            source=str(options.source) if options.source else None,
            restore_point=options.restore_point,
            baseline=options.baseline.taken if isinstance(options.baseline, Baseline) else None,
            started=self.started,
            seconds=time.monotonic() - self.began,
            waivers=dict(options.waivers),
            not_declared=build_checks.list_not_declared(self.expectations),
            counts=_count_rows(answers),
            depth=Depth.SAMPLE if sampling else Depth.FULL,
            sample=_summarize(reached.candidate, checks, self.expectations, sampling),
            reused=len(kept.recalled),
            reused_since=min(kept.recalled, default=None),
        )


def _choose_limits(limits: Limits, options: RunOptions) -> Limits:
    budget, workers = options.budget_seconds, options.workers
    return replace(
        limits,
        budget_seconds=limits.budget_seconds if budget is None else budget,
        workers=limits.workers if workers is None else workers,
    )


def _choose_sampling(candidate: ReachedServer, options: RunOptions) -> Sampling | None:
    """None where all is read: a server that reads ranges of blocks no faster than whole tables is read in full."""
    if options.depth is Depth.FULL or candidate.open is None or candidate.open.version < FIRST_VERSION:
        return None
    return Sampling(options.seed)


def _measure_tables(candidate: ReachedServer, budget: Budget) -> ReachedServer:
    """The candidate with the sizes of its tables as they are now; where it tells none, as of their last ANALYZE."""
    question = measure_question()
    outcome = servers.ask_one(candidate, (question,), budget).get(question.id)
    if candidate.open is None or not isinstance(outcome, Answer):
        return candidate
    return replace(candidate, open=replace(candidate.open, catalog=add_blocks(candidate.open.catalog, outcome)))


def _count_blocks(candidate: ReachedServer) -> int:
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


def _refuse(options: RunOptions) -> None:
    if options.restore_point is not None and options.restore_point.tzinfo is None:
        raise ValueError("the restore point has no time zone: add Z or an offset")
    empty = [name for name, reason in options.waivers.items() if not reason.strip()]
    if empty:
        raise ValueError(f"waivers without a reason: {', '.join(empty)}")


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
