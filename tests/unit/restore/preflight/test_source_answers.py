"""No application stops while the operator can't ask the source who uses it: gate `quiesced` would stay shut."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from restore.aws import Aws
from restore.errors import Problem, TemporaryError
from restore.inventory import source_login
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Request, Runner, Settings, Traffic
from tests.support.worlds import (
    FROZEN,
    PITR,
    SOURCE_HOST,
    SWITCHED,
    asked,
    instance,
    inventory,
    only_problem,
    problems,
    restored,
    settings,
)

SILENCE = Problem(f"PostgreSQL {SOURCE_HOST}:5432", "no answer", "a server that answers", "check VPN")
WAIVED = {"quiesced.unreachable": "the network team has cut it off, nobody can write"}


def test_a_source_that_does_not_answer_stops_nobody_until_that_is_known() -> None:
    found = inventory(source_silence=SILENCE)
    problem = only_problem(settings(), found)
    assert problem.subject == "instance shop"
    assert "no answer" in problem.found
    assert "check VPN" in problem.fix
    assert 'waive["quiesced.unreachable"]' in problem.fix
    assert problems(settings(waive=WAIVED), found) == {}
    assert problems(settings(waive={"quiesced": "known"}), found) == {}


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The databases that were logged in to; every login is refused."""
    made: list[str] = []

    @contextmanager
    def refuse(endpoint: object, _credential: object, _tls: object, database: str) -> Generator[None]:
        made.append(f"{endpoint}/{database}")
        raise TemporaryError.of(SILENCE)
        yield

    class KnownPassword:
        def __init__(self, _aws: Aws) -> None: ...

        def read_login(self, *_: Any) -> None: ...

    monkeypatch.setattr(source_login, "Secrets", KnownPassword)
    monkeypatch.setattr(source_login.postgres, "connect", refuse)
    return made


def ask(of: Settings, request: Request, world: Inventory) -> Problem | None:
    return source_login.ask_source(Aws("us-east-1"), RestoreContext(of, request, world))


def test_the_source_is_asked_as_the_gate_will_ask_it(logins: list[str]) -> None:
    assert ask(settings(), PITR, inventory()) == SILENCE
    assert logins == [f"{SOURCE_HOST}:5432/shop"]


def test_nobody_is_asked_where_nothing_is_to_be_stopped_or_others_will_ask(logins: list[str]) -> None:
    for request, world in (
        (asked(traffic=Traffic.SOURCE), inventory()),
        (asked(traffic=Traffic.RESTORED), restored()),
        (PITR, restored(cluster=FROZEN)),
        (PITR, restored(cluster=SWITCHED)),
        (PITR, inventory(source=None)),
        (PITR, inventory(source=instance(status="stopped"))),
        (PITR, inventory(source=instance(endpoint=None))),
    ):
        assert ask(settings(request), request, world) is None
    assert ask(replace(settings(), runner=Runner.KUBERNETES), PITR, inventory()) is None
    assert logins == []
