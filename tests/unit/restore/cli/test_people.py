"""A tick says who and when; a misspelt name ticks nothing off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from restore.cli import people
from restore.errors import Refused
from restore.evidence import Store
from tests.support.report_records import run as run_record
from tests.support.worlds import PITR, settings

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
STACK = cast("Any", None)


def answering(value: object) -> Callable[..., object]:
    def answer(*_: object) -> object:
        return value

    return answer


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    configured = settings(PITR, evidence=str(tmp_path))
    monkeypatch.setattr(people, "read_settings", answering(configured))
    operator = {"user": "alice", "host": "laptop", "aws": "arn"}
    monkeypatch.setattr(people.provenance, "read_operator", answering(operator))
    store = Store.open(str(tmp_path))
    store.write("prod", "inc-1", "run", run_record(0, tell=["CTO", "support"]))
    return store


def test_who_was_told_is_recorded_and_who_was_not_is_shown(store: Store) -> None:
    text = people.tick_off(STACK, "told", ["CTO"], None, NOW)
    assert "CTO: done" in text
    assert "by alice (arn)" in text
    assert "support: OPEN" in text
    record = store.read_latest("prod", "inc-1", "told")
    assert record
    assert record["names"] == ["CTO"]


def test_a_misspelt_name_ticks_nothing_off(store: Store) -> None:
    with pytest.raises(Refused, match="one of: CTO, support"):
        people.tick_off(STACK, "told", ["CTO", "suport"], None, NOW)
    assert store.read_latest("prod", "inc-1", "told") is None


def test_looking_at_a_list_records_nothing(store: Store) -> None:
    assert people.tick_off(STACK, "reconciled", [], None, NOW).startswith("nothing is listed")
    assert store.read_latest("prod", "inc-1", "reconciled") is None
