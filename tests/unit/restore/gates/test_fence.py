"""The fence at the gate: last of its work, lifted wherever the way leads, and never in the way of leaving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from restore import plan as plans
from restore import postgres
from restore.errors import PermanentError
from restore.gates import registry, switched
from restore.model.inventory import Inventory
from restore.model.request import Login, Traffic
from restore.postgres import Fence
from tests.support.gate_worlds import PROVED, QUIET, REFUSED, STOPPED, WRITER, Databases, Stage, back, forth
from tests.support.worlds import (
    CANDIDATE_HOST,
    FROZEN,
    FROZEN_AGAIN,
    PITR,
    SOURCE_HOST,
    asked,
    problems,
    restored,
    settings,
)

SOURCE = {"resource_id": "db-SOURCE"}
OPEN = Fence(can_login=True, restore_id="", comment="")
FENCED = Fence(can_login=False, restore_id="inc-1", comment="")


class Fences:
    """The fence of each database by its host; a fenced one refuses the application's login."""

    def __init__(self, databases: Databases):
        self.databases = databases
        self.at = {SOURCE_HOST: OPEN, CANDIDATE_HOST: OPEN}

    def put_up(self, host: str, _role: str, restore_id: str) -> int:
        self.at[host] = replace(FENCED, restore_id=restore_id)
        self.databases.unread[host] = REFUSED
        return 2

    def lift(self, host: str, _role: str) -> bool:
        self.at[host] = OPEN
        self.databases.unread.pop(host, None)
        return True

    def read(self, host: str, _role: str) -> Fence:
        return self.at[host]


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases = Databases()
    databases.install(monkeypatch)
    return databases


@pytest.fixture
def fences(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Fences:
    fences = Fences(databases)
    monkeypatch.setattr(postgres, "put_up", fences.put_up)
    monkeypatch.setattr(postgres, "lift", fences.lift)
    monkeypatch.setattr(postgres, "read_fence", fences.read)
    return fences


def opens(at: Stage, earlier: dict[str, object] | None = None) -> bool:
    returns = at.context.plan.traffic is Traffic.SOURCE
    return at.prove("switched", switched.prove, receipt=SOURCE if returns else PROVED, earlier=earlier) is None


def up(fences: Fences) -> list[str]:
    return [host for host, fence in fences.at.items() if fence.up]


def test_without_opting_in_nobody_loses_a_login(fences: Fences, tmp_path: Path) -> None:
    assert opens(forth(tmp_path))
    assert up(fences) == []


def test_the_database_that_is_left_is_fenced_and_the_way_back_turns_it_round(fences: Fences, tmp_path: Path) -> None:
    forward = forth(tmp_path, fence=True)
    assert opens(forward)
    assert up(fences) == [SOURCE_HOST]
    assert forward.last["facts"]["fence"] == {"database": "shop", "role": "shop_app", "sessions_ended": 2}
    returned = back(tmp_path, fence=True)
    assert opens(returned)
    assert up(fences) == [CANDIDATE_HOST]
    assert returned.last["facts"]["fence_lifted"] == {"database": "shop", "role": "shop_app"}


def test_a_fence_is_lifted_on_the_way_back_though_the_configuration_forgot_it(fences: Fences, tmp_path: Path) -> None:
    assert opens(forth(tmp_path, fence=True))
    assert opens(back(tmp_path))
    assert up(fences) == []


def test_a_fence_that_is_no_longer_wanted_is_lifted_where_traffic_stays(fences: Fences, tmp_path: Path) -> None:
    assert opens(forth(tmp_path, fence=True))
    assert opens(forth(tmp_path), earlier={"fence": True})
    assert up(fences) == []


def test_a_gate_that_stays_shut_fences_nothing(databases: Databases, fences: Fences, tmp_path: Path) -> None:
    databases.rest = replace(QUIET, sessions=(WRITER,))
    assert not opens(forth(tmp_path, fence=True))
    assert up(fences) == []


def test_a_dead_database_is_left_without_a_fence_and_that_is_recorded(
    databases: Databases, fences: Fences, tmp_path: Path
) -> None:
    databases.down[SOURCE_HOST] = STOPPED
    at = forth(tmp_path, fence=True)
    assert opens(at)
    assert up(fences) == []
    assert "unchanged" in at.last["facts"]["fence"]


def test_a_fence_that_cannot_be_put_up_is_a_problem_that_a_person_can_waive(
    fences: Fences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise PermanentError("must have CREATEROLE")

    monkeypatch.setattr(postgres, "put_up", refuse)
    at = forth(tmp_path, fence=True)
    assert not opens(at)
    assert set(at.problems) == {"switched.fence"}
    assert opens(forth(tmp_path, fence=True, waive={"switched.fence": "the master user isn't its admin"}))
    assert up(fences) == []


def test_a_login_that_is_refused_for_another_reason_stays_the_problem(
    databases: Databases, fences: Fences, tmp_path: Path
) -> None:
    databases.unread[CANDIDATE_HOST] = REFUSED
    at = forth(tmp_path)
    assert not opens(at)
    assert set(at.problems) == {"switched.row"}
    assert up(fences) == []


def test_opting_in_after_the_switch_has_the_gate_prove_again(databases: Databases, tmp_path: Path) -> None:
    del databases
    without, wanted = (forth(tmp_path, fence=fence).context for fence in (False, True))
    assert registry.take_fingerprint(without, "switched", {}) != registry.take_fingerprint(wanted, "switched", {})


def test_the_operators_own_user_is_never_fenced() -> None:
    found: Inventory = restored(cluster=FROZEN)
    request = asked(PITR, traffic=Traffic.RESTORED)
    same = settings(request, fence=True, login=Login("shop_app", "shop/admin"))
    assert "config fence" in problems(same, found)
    assert "config fence" not in problems(replace(same, fence=False), found)
    assert "config fence" not in problems(settings(request, fence=True), found)


def test_the_preview_says_what_a_switch_does_to_the_database_that_is_left() -> None:
    forward = asked(PITR, traffic=Traffic.RESTORED)
    wanted = settings(forward, fence=True, sequences="ahead")
    said = plans.make(wanted, restored(cluster=FROZEN)).notes
    assert "fences: the applications' role can't log in to shop any more, and its sessions are ended" in said
    assert "moves on: the sequences of shop-inc-1, past the last values that shop gave out" in said
    returning = settings(asked(PITR, traffic=Traffic.SOURCE), fence=True)
    [line] = [note for note in plans.make(returning, restored(cluster=FROZEN_AGAIN)).notes if "fences" in note]
    assert "log in to shop-inc-1 any more" in line
    assert not [note for note in plans.make(settings(forward), restored(cluster=FROZEN)).notes if "fences" in note]
