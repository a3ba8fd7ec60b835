"""A check is data: its questions, and a pure function that judges their answers.

A question that got no answer never reaches that function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from validation.baseline.faults import FaultList
from validation.connect.query import Answer, Example, Question
from validation.verdict import Severity, Verdict


@dataclass(frozen=True)
class Judgement:
    """What a check says of its answers. `fix` is empty for a PASS; `examples` are keys of wrong rows."""

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
    severity of an INCONCLUSIVE where it is another than that of a FAIL. `faults` asks for all that is wrong, where what
    the source or the baseline has in the same place doesn't keep a restore from being used. `chance` is the probability
    that it finds one wrong row: 1 where it reads them all.
    """

    name: str
    judge: Judge
    questions: tuple[Question, ...] = ()
    needed: str = "an answer from the database"
    examples: Question | None = None
    severity: Severity = Severity.BLOCKING
    tolerant: bool = False
    inconclusive: Severity | None = None
    faults: FaultList | None = None
    chance: float = 1.0

    def choose_severity(self, verdict: Verdict) -> Severity:
        """Returns what a verdict of this check counts for."""
        if verdict is Verdict.INCONCLUSIVE and self.inconclusive is not None:
            return self.inconclusive
        return self.severity

    @property
    def family(self) -> str:
        return self.name.partition(":")[0]


def judge_passed(found: str, needed: str) -> Judgement:
    """Returns the judgement PASS."""
    return Judgement(Verdict.PASS, found, needed)


def judge_failed(found: str, needed: str, fix: str, examples: tuple[Example, ...] = ()) -> Judgement:
    """Returns the judgement FAIL; `examples` are keys of the rows to look at."""
    return Judgement(Verdict.FAIL, found, needed, fix, examples)


def judge_inconclusive(found: str, needed: str, fix: str) -> Judgement:
    """Returns the judgement INCONCLUSIVE: nothing is proved either way."""
    return Judgement(Verdict.INCONCLUSIVE, found, needed, fix)


def build_settled(name: str, judgement: Judgement, severity: Severity = Severity.BLOCKING) -> Check:
    """Returns a check whose result is known before anything is asked, e.g. of a table that isn't there."""
    return Check(name, lambda _: judgement, severity=severity)
