"""Results of checks, and the report that is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from validation.checks.check import Check, Judgement
from validation.connect.query import Answer, Answers, Example, Unanswered
from validation.problems import find_waiver
from validation.schema.sample import SampleSummary
from validation.sql.queries import render_text as statement_text
from validation.verdict import Depth, Severity, Verdict


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    `name` is `family` or `family:subject`; `query` is complete and can be pasted into psql;
    `seconds` is the time its queries took in the servers, as seen from here. `as_in` is where all that is wrong is
    wrong in the same places: "the source", "the baseline of TIME", or empty.
    """

    name: str
    verdict: Verdict
    found: str
    needed: str
    fix: str = ""
    query: str = ""
    examples: tuple[Example, ...] = ()
    seconds: float = 0.0
    severity: Severity = Severity.BLOCKING
    as_in: str = ""

    @property
    def family(self) -> str:
        return self.name.partition(":")[0]


def _make_no_counts() -> Mapping[str, int]:
    return MappingProxyType({})


def _make_no_waivers() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True)
class ValidationReport:
    """The results of one run, in an order that is the same for the same database and expectations.

    `baseline` is when the baseline was taken that the target was held against. `waivers` are those given, {check
    name or family: reason}; `not_declared` are the families of checks for which the expectations say nothing;
    `counts` are the rows per table that were read on the candidate. `depth` is how much of the rows was to be read, and
    `sample` what of large tables was, and what wasn't. `reused` are the answers of earlier runs that still hold, by
    number, and `reused_since` is when the oldest was given.
    """

    results: tuple[CheckResult, ...]
    target: str
    source: str | None = None
    restore_point: datetime | None = None
    baseline: datetime | None = None
    started: datetime | None = None
    seconds: float = 0.0
    waivers: Mapping[str, str] = field(default_factory=_make_no_waivers)
    not_declared: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=_make_no_counts)
    depth: Depth = Depth.FULL
    sample: SampleSummary | None = None
    reused: int = 0
    reused_since: str | None = None

    def find_waiver(self, result: CheckResult) -> str | None:
        """Returns the reason for which a result that is no pass is let through, or None."""
        return None if result.verdict is Verdict.PASS else find_waiver(result.name, self.waivers)

    @property
    def unused_waivers(self) -> tuple[str, ...]:
        used = {name for r in self.results if self.find_waiver(r) for name in (r.name, r.family)}
        return tuple(name for name in self.waivers if name not in used)

    @property
    def proved(self) -> bool:
        """Whether anything at all was read from the data: no waiver replaces that."""
        return any(r.family == "rows" and r.verdict is Verdict.PASS for r in self.results) and bool(
            sum(self.counts.values())
        )

    @property
    def verdict(self) -> Verdict:
        deciding = {r.verdict for r in self.results if r.severity is Severity.BLOCKING and not self.find_waiver(r)}
        if Verdict.FAIL in deciding:
            return Verdict.FAIL
        if Verdict.INCONCLUSIVE in deciding or not self.proved:
            return Verdict.INCONCLUSIVE
        return Verdict.PASS


def evaluate(check: Check, answers: Answers) -> CheckResult:
    """Returns the result of a check; the first question without an answer decides, unless the check is tolerant."""
    outcomes = [answers[q.id] for q in check.questions]
    answered = [a for a in outcomes if isinstance(a, Answer)]
    silent = [a for a in outcomes if isinstance(a, Unanswered)]
    if silent and not check.tolerant:
        judgement = Judgement(silent[0].verdict, silent[0].found, check.needed, silent[0].fix)
    else:
        judgement = check.judge(answered)
    shown = check.questions if len(check.questions) < 3 else ()
    return CheckResult(
        name=check.name,
        verdict=judgement.verdict,
        found=judgement.found,
        needed=judgement.needed,
        fix=judgement.fix,
        query=";\n".join(statement_text(q.statement) for q in shown),
        examples=judgement.examples,
        seconds=sum(a.seconds for a in outcomes),
        severity=check.choose_severity(judgement.verdict),
    )


def add_examples(result: CheckResult, answer: Answer | Unanswered) -> CheckResult:
    """Returns the result with the rows to look at; without them when they could not be read in time."""
    if isinstance(answer, Unanswered):
        return result
    keys = tuple(_select_keys(row["keys"]) for row in answer.rows if row["keys"])
    return replace(result, examples=keys, seconds=result.seconds + answer.seconds)


def _select_keys(values: Mapping[str, object]) -> Example:
    return {column: None if value is None else str(value) for column, value in values.items()}
