"""The two servers of a run: reached once, then asked at the same time, each on one snapshot."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from validation.checks import server
from validation.checks.check import Check
from validation.connect.query import Answer, Answers, Question, Side, Unanswered
from validation.connect.query_runner import Budget, QueryOutcome, ask_all
from validation.connect.session import ReadSession, Unreachable, connect
from validation.connect.target import Target
from validation.runner.query_order import share_questions
from validation.schema import catalog as catalogs
from validation.schema.catalog import Catalog, build_server_question
from validation.verdict import Verdict


@dataclass(frozen=True)
class OpenServer:
    """A server whose catalog was read; `version` is the major one."""

    session: ReadSession
    catalog: Catalog
    version: int


@dataclass(frozen=True)
class ReachedServer:
    """What reaching a server came to: checks of that, their answers, and `open` when more can be asked."""

    target: Target
    checks: tuple[Check, ...]
    answers: Answers
    open: OpenServer | None = None


@dataclass(frozen=True)
class Servers:
    """What a run reached, and how it asks there."""

    candidate: ReachedServer
    source: ReachedServer | None = None
    application: ReachedServer | None = None
    """The candidate with the application's login."""
    administrator: Target | None = None
    """The candidate with the login for administrative questions, where its own may not ask them."""
    sessions: int = 1
    """That ask the candidate in parallel."""

    @property
    def answers(self) -> dict[str, QueryOutcome]:
        """What reaching them answered."""
        reached = (self.candidate, self.source, self.application)
        return {key: answer for server in reached if server for key, answer in server.answers.items()}


def reach(stack: ExitStack, target: Target, side: Side, budget: Budget) -> ReachedServer:
    """Connects and reads the catalog; the session is closed with the stack."""
    try:
        session = connect(target)
    except Unreachable as error:
        return ReachedServer(target, (server.build_unreachable(target, side, str(error)),), {})
    stack.callback(session.close)
    catalog_questions = catalogs.list_needed(side)
    answers = ask_all(session, (build_server_question(side), *catalogs.list_questions(side)), budget)
    checks = (server.build_connection(target, side), server.build_listed(side, catalog_questions))
    heard = {key: answer for key, answer in answers.items() if isinstance(answer, Answer)}
    if any(question.id not in heard for question in (build_server_question(side), *catalog_questions)):
        return ReachedServer(target, checks, answers)
    version = int(heard[build_server_question(side).id].row["major"])
    return ReachedServer(target, checks, answers, OpenServer(session, catalogs.read(side, heard), version))


def log_in(stack: ExitStack, target: Target, budget: Budget, *, candidate: ReachedServer) -> ReachedServer:
    """Connects to the candidate as the application does; the session is closed with the stack, and never commits."""
    try:
        session = connect(target, trial=True)
    except Unreachable as error:
        return ReachedServer(
            target, (server.build_no_login(target, str(error), answers=candidate.open is not None),), {}
        )
    stack.callback(session.close)
    answers = ask_all(session, (build_server_question(Side.APPLICATION),), budget)
    return ReachedServer(
        target, (server.build_connection(target, Side.APPLICATION),), answers, OpenServer(session, Catalog(()), 0)
    )


def ask(servers: Servers, questions: Sequence[Question], budget: Budget) -> dict[str, QueryOutcome]:
    """Asks all at the same time, each in the order of the questions."""
    candidate, administrator = servers.candidate, servers.administrator
    by_side = {side: [question for question in questions if question.side is side] for side in Side}
    apart = [q for q in by_side[Side.CANDIDATE] if q.borrows or (administrator and q.administrative)]
    shared_session = [q for q in by_side[Side.CANDIDATE] if q not in apart]
    until_lost = replace(budget, stop=threading.Event())
    with ThreadPoolExecutor(3) as pool:
        of_source = pool.submit(ask_one, servers.source, by_side[Side.SOURCE], budget)
        of_application = pool.submit(ask_one, servers.application, by_side[Side.APPLICATION], budget)
        of_others = pool.submit(_ask_apart, candidate.target, administrator, apart, until_lost)
        outcomes = _ask_candidate(candidate, shared_session, budget, servers.sessions)
        lost = any(isinstance(outcome, Unanswered) and outcome.lost for outcome in outcomes.values())
        while not of_others.done():
            if lost or budget.stop.is_set():
                until_lost.stop.set()
            wait([of_others], 0.2)
        return outcomes | of_source.result() | of_application.result() | of_others.result()


def ask_one(reached: ReachedServer | None, questions: Sequence[Question], budget: Budget) -> dict[str, QueryOutcome]:
    """Asks in the session that is open already."""
    if reached is None or reached.open is None:
        return {}
    return ask_all(reached.open.session, questions, budget)


def _ask_candidate(
    reached: ReachedServer, questions: Sequence[Question], budget: Budget, sessions: int
) -> dict[str, QueryOutcome]:
    if reached.open is None:
        return {}
    lead = reached.open.session
    try:
        snapshot = lead.export_snapshot()
    except Unreachable:
        return ask_all(lead, questions, budget)
    another = partial(connect, reached.target, snapshot=snapshot)
    return ask_all(lead, share_questions(questions, sessions), budget, another, sessions)


def _ask_apart(
    target: Target, administrator: Target | None, questions: Sequence[Question], budget: Budget
) -> dict[str, QueryOutcome]:
    """In one session for each extension, which creates it for itself and never commits: others would wait for it.

    Questions for the administrator's login have sessions of their own too.
    """
    outcomes: dict[str, QueryOutcome] = {}
    for administrative, extension in sorted({(q.administrative, q.borrows or "") for q in questions}):
        together = [q for q in questions if (q.administrative, q.borrows or "") == (administrative, extension)]
        login = administrator if administrator and administrative else target
        outcomes |= _ask_with(login, extension or None, together, budget)
    return outcomes


def _ask_with(
    target: Target, extension: str | None, questions: Sequence[Question], budget: Budget
) -> dict[str, QueryOutcome]:
    try:
        session = connect(target, borrow=extension)
    except Unreachable as error:
        found = f"no extension {extension}: {error}" if extension else str(error)
        fix = "docs/checks.md: until the login works the check stays INCONCLUSIVE"
        if extension:
            fix = f"CREATE EXTENSION {extension}; or the check stays INCONCLUSIVE (docs/checks.md)"
        return {question.id: Unanswered(Verdict.INCONCLUSIVE, found, fix) for question in questions}
    try:
        return ask_all(session, questions, budget)
    finally:
        session.close()
