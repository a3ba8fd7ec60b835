"""In which order questions are asked: those first that are likeliest to find a failure, and cheapest.

And which of them the server may answer with several processes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from validation.checks.check import Check
from validation.connect.query import Question
from validation.verdict import Severity

CHEAP = 1000
"""Pages (8 MB) that are read in well under a second, also by a fresh instance that fetches its blocks from S3."""

LIKELIHOOD: Mapping[str, float] = MappingProxyType(
    {
        "not-the-source": 8,
        "server": 8,
        "freshness": 8,
        "must-exist": 6,
        "must-not-exist": 6,
        "migrations": 6,
        "rows": 5,
        "tables-of-source": 5,
        "tables-of-baseline": 5,
        "schema": 5,
        "tables": 4,
        "source-schema": 4,
        "application": 3,
        "roles": 3,
        "extensions": 3,
        "settings": 3,
        "sequences-of-baseline": 2,
        "sequence": 2,
        "not-null": 2,
        "foreign-key": 2,
    }
)
"""How often a restore goes wrong that way, against 1 for a family that isn't named: wrong instance and wrong time
first, damaged storage last."""

BY_ITSELF = ("max_parallel_workers_per_gather", "0")


def share_questions(questions: Sequence[Question], sessions: int) -> tuple[Question, ...]:
    """Returns the questions for this many sessions that ask in parallel: each is answered by its session's process
    alone.

    Only one that costs more than a session's share of them all, and so would be waited for, may have parallel
    workers. While sessions keep the processors busy, workers only add what it takes to start them.
    """
    share = sum(question.cost for question in questions) / sessions

    def set_alone(question: Question) -> Question:
        return replace(question, settings=(BY_ITSELF, *question.settings))

    return tuple(q if sessions == 1 or q.cost > share else set_alone(q) for q in questions)


def order_questions(checks: Iterable[Check], questions: Sequence[Question]) -> tuple[Question, ...]:
    """Returns the questions by what they promise per page read; of the costly ones the longest first."""
    worth = _estimate_worth(checks)

    def estimate_promise(question: Question) -> float:
        return -worth[question.id] / (question.cost + 1)

    cheap = sorted((q for q in questions if q.cost <= CHEAP), key=estimate_promise)
    costly = sorted((q for q in questions if q.cost > CHEAP), key=lambda question: -question.cost)
    return (*cheap, *costly)


def _estimate_worth(checks: Iterable[Check]) -> Mapping[str, float]:
    """Per question: how likely an answer makes a deciding check fail; a check's share is split among its questions."""
    worth: defaultdict[str, float] = defaultdict(float)
    for check in checks:
        if check.severity is Severity.BLOCKING:
            for question in check.questions:
                worth[question.id] += LIKELIHOOD.get(check.family, 1) / len(check.questions)
    return worth
