"""A session is in the hands of one thread at a time."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any, cast

from psycopg import sql

from validation.connect.query import Answer, Question
from validation.connect.session import ReadSession


class SlowConnection:
    """Answers the question when it is told to; the settings before it at once."""

    broken = closed = False

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()
        self.closed_by: list[str] = []

    def transaction(self, **_: Any) -> AbstractContextManager[None]:
        return nullcontext()

    def execute(self, statement: sql.Composed) -> Any:
        if statement == STATEMENT:
            self.asked.set()
            self.answer.wait(10)
        return SimpleNamespace(fetchall=lambda: [{"n": 1}])

    def close(self) -> None:
        self.closed_by.append(threading.current_thread().name)


STATEMENT = sql.SQL("select 1 as n").format()


def test_a_connection_is_not_closed_under_the_thread_that_waits_for_its_answer() -> None:
    connection = SlowConnection()
    session, outcomes = ReadSession(cast(Any, connection), None), list[Any]()
    asking = threading.Thread(target=lambda: outcomes.append(session.ask(Question("n", STATEMENT), 5)), name="asking")
    asking.start()
    assert connection.asked.wait(10)
    session.close()
    assert connection.closed_by == []
    connection.answer.set()
    asking.join(10)
    assert connection.closed_by == ["asking"]
    assert isinstance(outcomes[0], Answer)


def test_a_session_that_is_asked_nothing_is_closed_at_once() -> None:
    connection = SlowConnection()
    ReadSession(cast(Any, connection), None).close()
    assert connection.closed_by == [threading.current_thread().name]
