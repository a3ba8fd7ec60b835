"""The two servers of a loss report, asked at the same time, each in one session on one snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import psycopg
from psycopg import sql

from validation.connect.query import Answer, Question, Row, Unanswered
from validation.connect.session import LONGEST, ReadSession
from validation.connect.sql_errors import explain
from validation.connect.target import remove_secret
from validation.sql.queries import query

T = TypeVar("T")


class NotCompared(Exception):
    """What was asked was not answered, or can't be: the message says by which side, why, and what to do."""

    @classmethod
    def by(cls, side: str, silence: Unanswered) -> NotCompared:
        """Returns the error for a side that gave no answer."""
        return cls(f"{side}: {silence.found}; {silence.fix}")


@dataclass(frozen=True)
class ServerPair:
    """A session on each side. `deadline` is a time.monotonic(); `stop` ends everything before."""

    source: ReadSession
    candidate: ReadSession
    deadline: float
    stop: threading.Event

    @property
    def usable(self) -> bool:
        """Whether both can still be asked, and there is time to."""
        open_ = not any(s.connection.closed or s.connection.broken for s in (self.source, self.candidate))
        return open_ and not self.stop.is_set()

    def cancel(self) -> None:
        """Has both servers break off what they are asked, from any thread."""
        self.source.cancel()
        self.candidate.cancel()

    def close(self) -> None:
        """Closes both sessions."""
        self.source.close()
        self.candidate.close()

    def ask(self, source: sql.Composed, candidate: sql.Composed) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """Returns the rows of both answers. Raises NotCompared."""
        aside = run_in_daemon(lambda: self.ask_source(source))
        try:
            here = self.ask_candidate(candidate)
        finally:
            wait((aside,))  # a session answers one question at a time: the next must not find it at work
        return aside.result(), here

    def ask_source(self, statement: sql.Composed) -> tuple[Row, ...]:
        """Returns the rows of the source's answer. Raises NotCompared."""
        return self._ask("source", self.source, statement)

    def ask_candidate(self, statement: sql.Composed) -> tuple[Row, ...]:
        """Returns the rows of the candidate's answer. Raises NotCompared."""
        return self._ask("candidate", self.candidate, statement)

    def _ask(self, side: str, session: ReadSession, statement: sql.Composed) -> tuple[Row, ...]:
        outcome = session.ask(Question("loss", statement, may_be_empty=True), self._count_seconds())
        if isinstance(outcome, Answer):
            return outcome.rows
        raise NotCompared.by(side, outcome)

    def _count_seconds(self) -> float:
        left = self.deadline - time.monotonic()
        if self.stop.is_set():
            raise NotCompared("the report was stopped; run it again")
        if left <= 0:
            raise NotCompared("the time budget was spent; run again with a larger one")
        return left

    @contextmanager
    def stream_both(
        self, source: sql.Composed, candidate: sql.Composed
    ) -> Generator[tuple[Iterator[Row], Iterator[Row]]]:
        """Yields both answers row by row, never held as a whole. Raises NotCompared, also while rows are read."""
        with ExitStack() as stack:
            rows = [
                stack.enter_context(self._stream(side, session, statement))
                for side, session, statement in (
                    ("source", self.source, source),
                    ("candidate", self.candidate, candidate),
                )
            ]
            # The first row comes when the server has done most of its work: both at the same time
            aside = run_in_daemon(lambda: _begin_rows(rows[0]))
            try:
                there = _begin_rows(rows[1])
            finally:
                wait((aside,))
            yield aside.result(), there

    @contextmanager
    def _stream(self, side: str, session: ReadSession, statement: sql.Composed) -> Generator[Iterator[Row]]:
        milliseconds = min(max(1, round(self._count_seconds() * 1000)), LONGEST)
        connection = session.connection
        try:
            with connection.transaction(), connection.cursor() as cursor:
                connection.execute(query("statement_timeout", milliseconds=sql.Literal(str(milliseconds))))
                with closing(_translate_errors(cursor.stream(statement), side, session)) as rows:
                    yield rows
        except psycopg.Error as error:
            raise _translate_error(error, side, session) from error


def _translate_errors(rows: Iterator[Row], side: str, session: ReadSession) -> Generator[Row]:
    try:
        yield from rows
    except psycopg.Error as error:
        raise _translate_error(error, side, session) from error


def _translate_error(error: psycopg.Error, side: str, session: ReadSession) -> NotCompared:
    lost = session.connection.broken or session.connection.closed
    verdict, found, fix = explain(error, lost=lost)
    return NotCompared.by(side, Unanswered(verdict, remove_secret(session.secret, found), fix, lost=lost))


def _begin_rows(rows: Iterator[Row]) -> Iterator[Row]:
    first = next(rows, None)
    return iter(()) if first is None else chain((first,), rows)


def run_in_daemon(work: Callable[[], T]) -> Future[T]:
    """Does the work in a thread that doesn't keep the process from ending when its server stops answering."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
