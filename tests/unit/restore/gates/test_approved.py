"""Gate `approved`: nothing is switched on one person's word, and nothing is held up that is switched already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from restore.cutover import approval
from restore.gates import approved
from restore.model.aws_account import Caller
from restore.model.gates import list_needed_gates
from restore.model.request import Traffic
from tests.support.gate_worlds import Stage, back, forth, resumed
from tests.support.worlds import SWITCHED_URL, candidate

RUNNER, OTHER = (f"arn:aws:iam::123456789012:user/{name}" for name in ("ada", "grace"))
PROVED: dict[str, Any] = {
    "gate": "validated",
    "open": True,
    "ended": "2026-11-22T14:50:00+00:00",
    "facts": {"resource_id": "db-CANDIDATE"},
}


@pytest.fixture(autouse=True)
def _as_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    answer: Callable[[object], Caller] = lambda _aws: Caller("123456789012", RUNNER)  # noqa: E731
    monkeypatch.setattr(approved, "read_caller", answer)


def ready(folder: Path, **settings: Any) -> Stage:
    """The candidate is proved, and the applications are stopped."""
    at = forth(folder, approvals=2, **settings)
    at.context.store.write("prod", "inc-1", "validated", PROVED)
    return at


def approve(at: Stage, arn: str) -> None:
    decision = approval.make_decision(at.context.settings, candidate(), PROVED)
    operator = {"user": "somebody", "host": "laptop", "aws": arn}
    at.context.store.write("prod", "inc-1", "approval", {"digest": decision.digest, "operator": operator})


def test_the_gate_stays_shut_until_somebody_else_approves(tmp_path: Path) -> None:
    at = ready(tmp_path)
    assert at.prove("approved", approved.prove)
    approve(at, RUNNER)
    assert at.prove("approved", approved.prove)
    assert list(at.problems) == ["approved.person"]
    approve(at, OTHER)
    assert at.prove("approved", approved.prove) is None
    assert at.last["facts"]["approved_by"] == OTHER


@pytest.mark.parametrize("name", ["approved", "approved.person", "approved.unproved"])
def test_no_waiver_takes_the_second_persons_place(tmp_path: Path, name: str) -> None:
    shut = ready(tmp_path, waive={name: "nobody else is awake"}).prove("approved", approved.prove)
    assert shut
    assert "no waiver covers this" in shut


def test_an_approval_before_the_data_was_proved_is_of_nothing(tmp_path: Path) -> None:
    at = forth(tmp_path, approvals=2)
    approve(at, OTHER)
    assert "no proof of the data" in (at.prove("approved", approved.prove) or "")


def test_a_person_whom_aws_does_not_name_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_aws: object) -> Caller:
        raise TimeoutError("sts")

    at = ready(tmp_path)
    approve(at, OTHER)
    monkeypatch.setattr(approved, "read_caller", fail)
    assert "no waiver covers this" in (at.prove("approved", approved.prove) or "")


def test_a_switch_that_was_killed_half_way_is_not_held_up(tmp_path: Path) -> None:
    at = ready(tmp_path)
    at.namespace.url = SWITCHED_URL
    assert at.prove("approved", approved.prove) is None


def test_only_a_switch_by_a_stack_with_two_approvals_asks(tmp_path: Path) -> None:
    def names(at: Stage) -> list[str]:
        return [gate.name for gate in list_needed_gates(at.context.plan)]

    assert "approved" in names(forth(tmp_path, approvals=2))
    assert "approved" in names(resumed(Traffic.RESTORED, tmp_path, approvals=2))
    assert "approved" not in names(forth(tmp_path))
    assert "approved" not in names(back(tmp_path, approvals=2))
