"""Puts questions to one server through several sessions on one snapshot, within a time limit.

Whatever happens, every question has an outcome: what was not answered is Unanswered and says why.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from validation.connect.query import Answer, Question, Unanswered
from validation.connect.session import ReadSession, Unreachable
from validation.verdict import Verdict

LOG = logging.getLogger(__name__)
GRACE = 5.0
"""Seconds that an answer may be late beyond its statement timeout before its session is given up."""

STOPPED = "the run was stopped"

QueryOutcome = Answer | Unanswered


def ignore_answer(_id: str, _answer: Answer) -> None:
    """Does nothing with an answer."""


@dataclass(frozen=True)
class Budget:
    """How long asking may take: `deadline` is a time.monotonic(), `stop` ends it before. A statement may take
    `statement_seconds`, and `page_seconds` more for each page that it reads."""

    statement_seconds: float
    deadline: float
    stop: threading.Event = field(default_factory=threading.Event)
    page_seconds: float = 0.0
    hear: Callable[[str, Answer], object] = ignore_answer
    """Is told each answer as it comes."""

    def allow(self, question: Question) -> float:
        """Returns the seconds that a question may take."""
        return self.statement_seconds + question.cost * self.page_seconds


@dataclass
class _Work:
    """What the sessions share; the lock guards all but `answered`."""

    waiting: deque[Question]
    deadline: float
    allow: Callable[[Question], float]
    answered: queue.Queue[tuple[str, QueryOutcome]] = field(default_factory=queue.Queue[tuple[str, QueryOutcome]])
    lock: threading.Lock = field(default_factory=threading.Lock)
    sessions: list[ReadSession] = field(default_factory=list[ReadSession])
    stopped: str | None = None

    def take_next(self) -> tuple[Question, float] | None:
        """The next question and its seconds, or None when there is nothing more to ask."""
        with self.lock:
            left = self.deadline - time.monotonic()
            if self.stopped is None and left <= 0:
                self.stopped = "the time budget was spent"
            if self.stopped is not None or not self.waiting:
                return None
            question = self.waiting.popleft()
            return question, min(self.allow(question), left)

    def serve(self, session: ReadSession) -> None:
        with self.lock:
            self.sessions.append(session)

    def stop(self, reason: str) -> None:
        """Asks nothing more, and cancels what the sessions are at."""
        with self.lock:
            if self.stopped is not None:
                return
            self.stopped = reason
            self.deadline = min(self.deadline, time.monotonic())
            sessions = tuple(self.sessions)
        for session in sessions:
            _start(session.cancel)


def ask_all(
    lead: ReadSession,
    questions: Iterable[Question],
    budget: Budget,
    open_another: Callable[[], ReadSession] | None = None,
    sessions: int = 1,
) -> dict[str, QueryOutcome]:
    """Asks each question once, in this order, in the lead session and up to `sessions` - 1 others.

    Another session that can't be opened is done without; a lost one ends the run: the rest is Unanswered.
    A session that doesn't come back by itself is left behind.
    """
    by_id = {question.id: question for question in questions}
    if budget.stop.is_set():
        return dict.fromkeys(by_id, _make_unanswered(STOPPED))
    work = _Work(deque(by_id.values()), budget.deadline, budget.allow)
    _start(lambda: _serve(lead, work))
    if open_another is not None:
        serve_another = partial(_serve_another, open_another, work)
        for _ in range(min(sessions, len(by_id)) - 1):
            _start(serve_another)
    outcomes = _collect(work, len(by_id), budget)
    reason = work.stopped or "no answer came in time"
    return {key: outcomes.get(key) or _make_unanswered(reason) for key in by_id}


def _start(serve: Callable[[], None]) -> None:
    # A daemon, so that a session whose server stopped answering doesn't keep the process from ending
    threading.Thread(target=serve, daemon=True).start()


def _serve(session: ReadSession, work: _Work) -> None:
    work.serve(session)
    while following := work.take_next():
        question, seconds = following
        outcome = _ask(session, question, seconds)
        if isinstance(outcome, Unanswered) and outcome.lost:
            work.stop(f"not asked, since {outcome.found}")
        work.answered.put((question.id, outcome))


def _ask(session: ReadSession, question: Question, seconds: float) -> QueryOutcome:
    try:
        return session.ask(question, seconds)
    except Exception as error:
        # In a thread of its own: raised, it would reach nobody, and who waits for the answer would wait on
        LOG.exception("asking %s", question.id)
        found = f"{type(error).__name__} while asking"
        return Unanswered(
            Verdict.INCONCLUSIVE,
            found,
            "docs/checks.md: keep the log and report it as an error of this program",
            lost=True,
        )


def _serve_another(open_another: Callable[[], ReadSession], work: _Work) -> None:
    try:
        session = open_another()
    except Unreachable:
        return
    try:
        _serve(session, work)
    finally:
        session.close()


def _collect(work: _Work, count: int, budget: Budget) -> dict[str, QueryOutcome]:
    """Waits for all outcomes; after a stop only for the questions that are under way."""
    outcomes: dict[str, QueryOutcome] = {}
    while len(outcomes) < count:
        if budget.stop.is_set():
            work.stop(STOPPED)
        with work.lock:
            if work.stopped is not None and len(outcomes) + len(work.waiting) >= count:
                break
        late = work.deadline + GRACE - time.monotonic()
        try:
            key, outcome = work.answered.get(timeout=max(0.0, min(late, 0.2)))
        except queue.Empty:
            if late <= 0:
                break
            continue
        outcomes[key] = outcome
        if isinstance(outcome, Answer):
            budget.hear(key, outcome)
    return outcomes


def _make_unanswered(reason: str) -> Unanswered:
    fix = "docs/large.md: run it again, with a larger budget, or of a large database read a sample"
    return Unanswered(Verdict.INCONCLUSIVE, reason, fix)
