"""`approve` shows what is decided, records who said yes, and approves nothing that isn't proved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from restore.cli import approve
from restore.errors import PermanentError, Refused
from restore.evidence import Store
from restore.model.inventory import Inventory
from tests.support.report_records import run as run_record
from tests.support.worlds import PITR, candidate, inventory, restored, settings

ARN = "arn:aws:iam::123456789012:user/grace"
STACK = cast("Any", None)
PROVED: dict[str, Any] = {
    "gate": "validated",
    "open": True,
    "ended": "2026-11-22T14:50:00+00:00",
    "facts": {"resource_id": candidate().resource_id, "loss": {"headline": "a switch loses 12 rows"}},
    "waived": {"validated.rows:users": "known"},
}


def answering(value: object) -> Callable[..., object]:
    def answer(*_: object, **__: object) -> object:
        return value

    return answer


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path))


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs the command; returns what it shows before it asks."""

    def run(found: Inventory, arn: str = ARN, *, yes: bool = True) -> str:
        shown: list[str] = []

        def confirm(text: str) -> bool:
            shown.append(text)
            return yes

        monkeypatch.setattr(approve, "read_settings", answering(settings(PITR, evidence=str(tmp_path))))
        monkeypatch.setattr(approve.gather, "gather", answering(found))
        operator = {"user": "grace", "host": "laptop", "aws": arn}
        monkeypatch.setattr(approve.provenance, "read_operator", answering(operator))
        assert approve.approve(STACK, confirm) is yes
        return shown[0]

    return run


def test_who_approved_what_stands_in_the_evidence(store: Store, answer: Callable[..., str]) -> None:
    store.write("prod", "inc-1", "validated", PROVED)
    shown = answer(restored())
    record = store.read_latest("prod", "inc-1", "approval")
    assert record
    assert record["operator"]["aws"] == ARN
    assert record["decision"]["candidate"] == "db-CANDIDATE"
    for text in (record["digest"], "a switch loses 12 rows", "validated.rows:users", ARN):
        assert text in shown


def test_who_ran_the_last_up_is_told_that_somebody_else_must_run_the_switch(
    store: Store, answer: Callable[..., str]
) -> None:
    store.write("prod", "inc-1", "validated", PROVED)
    store.write("prod", "inc-1", "run", run_record(0, operator={"user": "grace", "host": "laptop", "aws": ARN}))
    assert "somebody else" in answer(restored()).splitlines()[-1]


def test_a_no_approves_nothing(store: Store, answer: Callable[..., str]) -> None:
    store.write("prod", "inc-1", "validated", PROVED)
    answer(restored(), yes=False)
    assert store.read_latest("prod", "inc-1", "approval") is None


def test_data_that_is_not_proved_can_not_be_approved(store: Store, answer: Callable[..., str]) -> None:
    store.write("prod", "inc-1", "validated", {**PROVED, "open": False})
    with pytest.raises(Refused, match="gate validated isn't open"):
        answer(restored())
    with pytest.raises(Refused, match="isn't made yet"):
        answer(inventory())


def test_nobody_approves_without_an_identity(store: Store, answer: Callable[..., str]) -> None:
    store.write("prod", "inc-1", "validated", PROVED)
    with pytest.raises(PermanentError, match="an identity of AWS"):
        answer(restored(), "not known: no credentials")
    assert store.read_latest("prod", "inc-1", "approval") is None
