"""Asking ends, and leaves no question without an outcome."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from psycopg import sql

from validation.connect.query import Answer, Question, Unanswered
from validation.connect.query_runner import Budget, QueryOutcome, ask_all
from validation.connect.session import ReadSession, Unreachable
from validation.verdict import Verdict

QUESTIONS = tuple(Question(str(n), sql.SQL("select 1").format()) for n in (4, 3, 2, 1, 0))


@dataclass
class Double:
    """A session whose answers are given beforehand."""

    outcomes: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[str] = field(default_factory=list[str])

    def ask(self, question: Question, seconds: float) -> Answer | Unanswered:
        self.asked.append(question.id)
        outcome = self.outcomes.get(question.id, Answer(({"n": 1},)))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def session(**outcomes: Any) -> tuple[ReadSession, Double]:
    double = Double({name.removeprefix("q"): outcome for name, outcome in outcomes.items()})
    return cast(ReadSession, double), double


def budget(seconds: float = 60) -> Budget:
    return Budget(10, time.monotonic() + seconds)


def kinds(outcomes: Mapping[str, QueryOutcome]) -> list[type[QueryOutcome]]:
    return [type(outcome) for outcome in outcomes.values()]


def test_questions_are_asked_in_their_order_and_each_once() -> None:
    lead, double = session()
    outcomes = ask_all(lead, (*QUESTIONS, *QUESTIONS), budget())
    assert double.asked == ["4", "3", "2", "1", "0"]
    assert kinds(outcomes) == [Answer] * len(QUESTIONS)


def test_after_a_lost_connection_the_rest_is_not_asked() -> None:
    lead, double = session(q3=Unanswered(Verdict.INCONCLUSIVE, "gone", "", lost=True))
    outcomes = ask_all(lead, QUESTIONS, budget())
    assert double.asked == ["4", "3"]
    silent = {key: o.found for key, o in outcomes.items() if isinstance(o, Unanswered)}
    assert silent == {"3": "gone", **dict.fromkeys("012", "not asked, since gone")}


def test_a_mistake_in_a_session_does_not_wait_for_the_whole_budget(caplog: pytest.LogCaptureFixture) -> None:
    lead, _ = session(q4=RuntimeError("a mistake"))
    outcomes = ask_all(lead, QUESTIONS, budget(3600))
    assert kinds(outcomes) == [Unanswered] * len(QUESTIONS)
    assert "a mistake" in caplog.text


def test_sessions_that_cannot_be_opened_are_done_without() -> None:
    def refused() -> ReadSession:
        raise Unreachable("too many connections")

    lead, _ = session()
    outcomes = ask_all(lead, QUESTIONS, budget(), refused, 4)
    assert kinds(outcomes) == [Answer] * len(QUESTIONS)


def test_nothing_is_asked_after_the_deadline_or_a_stop() -> None:
    stop = threading.Event()
    stop.set()
    for late in (budget(-1), Budget(10, time.monotonic() + 60, stop)):
        lead, double = session()
        outcomes = ask_all(lead, QUESTIONS, late)
        assert double.asked == []
        said = [outcome.verdict for outcome in outcomes.values() if isinstance(outcome, Unanswered)]
        assert said == [Verdict.INCONCLUSIVE] * len(QUESTIONS)
