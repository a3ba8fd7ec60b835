"""The history of a stack is made of its records alone, whoever wrote them, and never stops a restore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from restore.evidence import Store, publish
from restore.evidence.history import NAME, read_history
from tests.support.report_records import gate, phase, run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(str(tmp_path / "evidence"))


def fail(text: str) -> None:
    raise AssertionError(text)


def write(store: Store, stack: str, restore_id: str, *records: dict[str, Any]) -> None:
    for record in records:
        publish.record(store, stack, restore_id, record["step"], record, fail)


def phases(store: Store, stack: str = "prod", **options: bool) -> list[tuple[str, str, float]]:
    return [(phase.restore_id, phase.phase, phase.seconds) for phase in read_history(store, stack, **options).phases]


RESTORE = (run(0), phase("candidate", 10, None), phase("candidate", 10, 70), gate("validated", 80, 100))


def test_each_restore_of_a_stack_counts_once(store: Store) -> None:
    write(store, "prod", "inc-1", *RESTORE)
    write(store, "prod", "inc-2", *RESTORE)
    expected = [(name, *rest) for name in ("inc-1", "inc-2") for rest in (("candidate", 60.0), ("validated", 20.0))]
    assert sorted(phases(store)) == sorted(expected)


def test_a_drill_of_the_stack_counts_and_another_stack_does_not(store: Store) -> None:
    write(store, "prod-drill", "drill-1", *RESTORE)
    write(store, "staging", "inc-9", *RESTORE)
    assert {restore for restore, _, _ in phases(store)} == {"drill-1"}


def test_a_stack_without_the_document_is_read_by_its_records(store: Store, tmp_path: Path) -> None:
    write(store, "prod", "inc-1", *RESTORE)
    kept = phases(store)
    (tmp_path / "evidence" / "prod" / NAME).unlink()
    assert phases(store) == []
    assert sorted(phases(store, rebuild=True)) == sorted(kept)
    write(store, "prod", "inc-2", *RESTORE)
    assert {restore for restore, _, _ in phases(store)} == {"inc-1", "inc-2"}


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("no folder")
    history = read_history(Store.open(str(tmp_path / "evidence")), "prod")
    assert history.phases == ()
    assert history.unread
