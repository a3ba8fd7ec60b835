"""The loss report in gate `validated` never shuts it, and never carries a secret."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import worlds

from restore import redaction
from restore.evidence import Store
from restore.gates import loss
from restore.gates.hook import Watch
from restore.plan import make
from validation import from_mapping
from validation.baseline.model import BaselineError
from validation.loss import LossReport, Part, Status, TableLoss
from validation.loss.model import Difference
from validation.target import Target

CANDIDATE = Target("candidate.example", "shop", "ops")
SOURCE = Target("source.example", "shop", "ops")
LOST = TableLoss("public.users", Status.DIFFERENT, difference=Difference(Part(2, examples=({"id": "hunter2hunter2"},))))


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    yield
    redaction.forget_secrets()


def reported(before: loss.Before, said: list[str]) -> dict[str, Any]:
    watch = Watch("validated", 60, threading.Event(), said.append)
    return dict(loss.reported(watch, before, CANDIDATE, from_mapping({}), 5))


def test_a_mistake_of_ours_in_the_report_stops_no_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> LossReport:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(loss, "run", broken)
    said: list[str] = []
    found = reported(SOURCE, said)
    assert found["status"] == "unknown"
    assert "ZeroDivisionError" in said[-1]


def test_a_key_that_is_a_secret_costs_neither_the_secret_nor_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    redaction.register_secret("hunter2hunter2")
    monkeypatch.setattr(loss, "run", lambda *_, **__: LossReport((LOST,), "old", "new"))  # pyright: ignore
    said: list[str] = []
    found = reported(SOURCE, said)
    assert redaction.secrets_in([found, said]) == ()
    assert found["lost"]["rows"] == 2
    assert "a switch loses 2 rows of public.users" in said[-1]


@pytest.mark.parametrize("before", [None, BaselineError("s3://b", "none", "a baseline", "record one")])
def test_without_a_source_and_a_baseline_nothing_is_called_equal(before: loss.Before) -> None:
    found = reported(before, [])
    assert found["status"] == "unknown"
    assert "the source is gone" in found["headline"]


def test_the_stack_shows_what_the_newest_proof_found(tmp_path: Path) -> None:
    store, plan = Store.open(str(tmp_path)), make(worlds.settings(), worlds.inventory())
    assert loss.newest(store, plan) == {"headline": "not known: the gate validated has not run"}
    part = {"rows": 3, "oldest": None, "newest": "2026-11-22T14:30:00Z", "examples": [{"id": "7"}]}
    none: dict[str, Any] = {"rows": 0, "oldest": None, "newest": None, "examples": []}
    report = {"headline": "h", "status": "different", "precision": "exact", "lost": part}
    facts: dict[str, Any] = {"loss": {**report, "brought_back": none, "differing": none, "tables": []}}
    store.write(plan.stack, plan.id, "validated", {"facts": facts})
    assert loss.newest(store, plan) == {
        "headline": "h", "status": "different", "precision": "exact",
        "lost": 3, "broughtBack": 0, "differing": 0, "newestLost": "2026-11-22T14:30:00Z",
    }  # fmt: skip
