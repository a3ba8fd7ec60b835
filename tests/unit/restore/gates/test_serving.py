"""Gate `serving`: a check that is waived must not hold up an `up` until the gate's deadline."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from restore.errors import Problem
from restore.gates import serving
from restore.gates.context import GateContext
from restore.gates.hook import Proof, Watch, unwaived

LATE = Problem("serving.elsewhere", "1 session on the source", "none", "stop it")


def proof(monkeypatch: pytest.MonkeyPatch, waive: Mapping[str, str], seconds: float) -> Proof:
    def look(_world: GateContext) -> serving.Found:
        return serving.Found((LATE,), {})

    monkeypatch.setattr(serving, "look", look)
    context = cast("GateContext", SimpleNamespace(settings=SimpleNamespace(waive=waive)))
    return serving.prove(context, Watch("serving", seconds, threading.Event(), lambda _text: None))


def test_a_waived_check_is_not_waited_for_and_stays_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    waive = {"serving.elsewhere": "the auditor reads there until noon"}
    found = proof(monkeypatch, waive, seconds=3600)
    assert found.problems == (LATE,)
    assert unwaived(found, "serving", waive) == ()


def test_what_is_not_waived_closes_the_gate_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    found = proof(monkeypatch, {}, seconds=0)
    assert unwaived(found, "serving", {}) == (LATE,)
