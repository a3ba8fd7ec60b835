"""Questions to a server, their answers, and checks: what the plan of a validation is made of.

A check is data: its questions, and a pure function that judges the answers. A question that got no answer
never reaches that function, so that no check can take silence for a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from psycopg import sql

from validation.model import CheckResult, Example, Severity, Verdict

Row = Mapping[str, Any]


BORROWED = "validation_borrowed"
"""The schema of an extension that a session borrows: created in a transaction that is never committed."""


class Side(StrEnum):
    CANDIDATE = "candidate"
    SOURCE = "source"
    APPLICATION = "application"
    """The candidate, with the application's own login."""


@dataclass(frozen=True)
class Question:
    """One read-only statement that always answers with at least one row, unless it `may_be_empty`; `cost` is in
    pages, to order them by. Questions with the same id are asked once.

    `seconds` is a statement timeout of its own, which counts where it is shorter than that of all; `settings` hold
    for this question alone; `borrows` is an extension that the session must have created in its own transaction.
    """

    id: str
    statement: sql.Composed
    side: Side = Side.CANDIDATE
    cost: int = 0
    seconds: float | None = None
    settings: tuple[tuple[str, str], ...] = ()
    borrows: str | None = None
    may_be_empty: bool = False


@dataclass(frozen=True)
class Answer:
    rows: tuple[Row, ...]
    seconds: float = 0.0

    @property
    def row(self) -> Row:
        return self.rows[0]


@dataclass(frozen=True)
class Unanswered:
    """Why there is no answer; `lost` when the session is gone and can answer nothing else."""

    verdict: Verdict
    found: str
    fix: str
    seconds: float = 0.0
    lost: bool = False


Answers = Mapping[str, Answer | Unanswered]


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    found: str
    needed: str
    fix: str = ""
    examples: tuple[Example, ...] = ()


Judge = Callable[[Sequence[Answer]], Judgement]


@dataclass(frozen=True)
class Check:
    """`needed` is said when the questions were not answered. `examples` is asked only after a FAIL.

    A `tolerant` check judges whatever answers there are, and must itself refuse too few. `inconclusive` is the
    severity of an INCONCLUSIVE where it is another than that of a FAIL.
    """

    name: str
    judge: Judge
    questions: tuple[Question, ...] = ()
    needed: str = "an answer from the database"
    examples: Question | None = None
    severity: Severity = Severity.BLOCKING
    tolerant: bool = False
    inconclusive: Severity | None = None

    def severity_of(self, verdict: Verdict) -> Severity:
        if verdict is Verdict.INCONCLUSIVE and self.inconclusive is not None:
            return self.inconclusive
        return self.severity

    @property
    def family(self) -> str:
        return self.name.partition(":")[0]


def passed(found: str, needed: str) -> Judgement:
    return Judgement(Verdict.PASS, found, needed)


def failed(found: str, needed: str, fix: str, examples: tuple[Example, ...] = ()) -> Judgement:
    return Judgement(Verdict.FAIL, found, needed, fix, examples)


def inconclusive(found: str, needed: str, fix: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, found, needed, fix)


def settled(name: str, judgement: Judgement, severity: Severity = Severity.BLOCKING) -> Check:
    """A check whose result is known before anything is asked, e.g. of a table that isn't there."""
    return Check(name, lambda _: judgement, severity=severity)


def result(check: Check, answers: Answers, text: Callable[[sql.Composed], str]) -> CheckResult:
    """The result of a check; the first question without an answer decides, unless the check is tolerant."""
    got = [answers[q.id] for q in check.questions]
    heard = [a for a in got if isinstance(a, Answer)]
    silent = [a for a in got if isinstance(a, Unanswered)]
    if silent and not check.tolerant:
        judgement = Judgement(silent[0].verdict, silent[0].found, check.needed, silent[0].fix)
    else:
        judgement = check.judge(heard)
    shown = check.questions if len(check.questions) < 3 else ()
    return CheckResult(
        name=check.name,
        verdict=judgement.verdict,
        found=judgement.found,
        needed=judgement.needed,
        fix=judgement.fix,
        query=";\n".join(text(q.statement) for q in shown),
        examples=judgement.examples,
        seconds=sum(a.seconds for a in got),
        severity=check.severity_of(judgement.verdict),
    )


def with_examples(found: CheckResult, answer: Answer | Unanswered) -> CheckResult:
    """The result with the rows to look at; without them when they could not be read in time."""
    if isinstance(answer, Unanswered):
        return found
    keys = tuple(_keys(row["keys"]) for row in answer.rows if row["keys"])
    return replace(found, examples=keys, seconds=found.seconds + answer.seconds)


def _keys(values: Mapping[str, object]) -> Example:
    return {column: None if value is None else str(value) for column, value in values.items()}
