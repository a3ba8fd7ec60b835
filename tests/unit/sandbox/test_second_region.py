"""What comes from another region in the sandbox: late, never newer than it left, and not at all while that is dark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandbox.aws.rds.data.state import Snapshot
from sandbox.aws.rds.service import snapshot_copies
from sandbox.aws.rds.service.backup_replicas import arrived

LATEST = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
SHAPE = {"LatestRestorableTime": LATEST}


def test_a_replicated_backup_is_behind_by_its_lag() -> None:
    assert arrived(SHAPE, {}) == LATEST
    assert arrived(SHAPE, {"lag": 30}) == LATEST - timedelta(seconds=30)
    assert arrived({}, {"lag": 30}) is None


def test_nothing_comes_over_from_a_dark_region() -> None:
    held = LATEST - timedelta(minutes=5)
    assert arrived(SHAPE, {"held": held}) == held
    assert arrived(SHAPE, {"held": LATEST + timedelta(minutes=5)}) == LATEST


class Clock:
    def __init__(self) -> None:
        self.at = LATEST

    def __call__(self) -> datetime:
        return self.at


def test_a_copy_moves_on_stands_still_while_its_region_is_dark_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, events = Clock(), list[Any]()
    monkeypatch.setattr(snapshot_copies, "now", clock)
    copy = Snapshot({"DBSnapshotIdentifier": "copy", "Status": "available"}, "folder", {})
    state = SimpleNamespace(snapshots={"copy": copy})

    def note(*given: object) -> None:
        events.append(given)

    rds = cast("Any", SimpleNamespace(state=state, event=note))
    snapshot_copies.begin(copy, 10, "us-east-1")
    clock.at += timedelta(seconds=4)
    snapshot_copies.refresh(rds)
    assert (copy.shape["Status"], copy.shape["PercentProgress"]) == ("creating", 40)
    snapshot_copies.hold(rds, "us-east-1", held=True)
    clock.at += timedelta(hours=1)
    snapshot_copies.refresh(rds)
    assert copy.shape["PercentProgress"] == 40
    snapshot_copies.hold(rds, "us-east-1", held=False)
    clock.at += timedelta(seconds=6)
    snapshot_copies.refresh(rds)
    assert (copy.shape["Status"], copy.shape["PercentProgress"]) == ("available", 100)
    assert len(events) == 1
