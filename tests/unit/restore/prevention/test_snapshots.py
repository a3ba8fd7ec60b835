"""A migration begins only once its snapshot can be restored, and a killed command takes no second one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from restore.errors import PermanentError
from restore.model.identifiers import find_snapshot_fault
from restore.model.labels import TAG_EXPIRES, TAG_REASON, TAG_STACK
from restore.model.rds import Instance, Snapshot
from restore.prevention.snapshots import WantedSnapshot, make_tags, name_snapshot, take_snapshot
from tests.support import worlds as w

WANTED = WantedSnapshot("prod", "shop", "Migration 42: drop orders!", 30)


class Rds:
    """Takes a snapshot at once, or ends it in another status."""

    def __init__(self, *snapshots: Snapshot, ends: str = "available", status: str = "available") -> None:
        self.taken = {item.identifier: item for item in snapshots}
        self.created: list[str] = []
        self.ends, self.status = ends, status

    def find_instance(self, identifier: str) -> Instance | None:
        return w.instance(identifier, status=self.status)

    def find_snapshot(self, identifier: str) -> Snapshot | None:
        taken = self.taken.get(identifier)
        return replace(taken, status=self.ends) if taken else None

    def list_snapshots(self, *, resource_id: str | None = None) -> tuple[Snapshot, ...]:
        return tuple(item for item in self.taken.values() if item.source_resource_id == resource_id)

    def create_snapshot(self, instance: str, name: str, tags: Mapping[str, str]) -> None:
        self.created.append(name)
        self.taken[name] = w.snapshot(name, source_identifier=instance, status="creating", tags=tags)


def test_the_snapshot_is_named_tagged_and_awaited() -> None:
    rds = Rds()
    taken = take_snapshot(rds, WANTED, w.NOW, print)
    assert taken.identifier == "shop-migration-42-drop-orders-20261122-150000"
    assert find_snapshot_fault(taken.identifier) is None
    assert taken.tags == {
        TAG_STACK: "prod",
        TAG_REASON: "Migration 42: drop orders-",
        TAG_EXPIRES: "2026-12-22T15:00:00Z",
    }


@pytest.mark.parametrize("reason", ["", "!!!", "ä" * 300, "a--b - c-"])
def test_any_reason_makes_a_name_that_rds_accepts(reason: str) -> None:
    assert find_snapshot_fault(name_snapshot("shop", reason, w.NOW)) is None


def test_the_snapshot_of_a_killed_command_is_awaited_and_no_second_one_taken() -> None:
    begun = w.snapshot("shop-begun", status="creating", tags=make_tags(WANTED, w.NOW))
    rds = Rds(begun)
    assert take_snapshot(rds, WANTED, w.NOW, print).identifier == "shop-begun"
    assert rds.created == []


def test_a_snapshot_for_another_reason_is_not_waited_for() -> None:
    begun = w.snapshot("other", status="creating", tags=make_tags(replace(WANTED, reason="release"), w.NOW))
    rds = Rds(begun)
    take_snapshot(rds, WANTED, w.NOW, print)
    assert len(rds.created) == 1


def test_a_snapshot_that_failed_is_no_permission_to_migrate() -> None:
    with pytest.raises(PermanentError, match="failed"):
        take_snapshot(Rds(ends="failed"), WANTED, w.NOW, print)


def test_a_stopped_source_is_told_before_anything_is_asked_for() -> None:
    rds = Rds(status="failed")
    with pytest.raises(PermanentError, match="a status in which RDS takes a snapshot"):
        take_snapshot(rds, WANTED, w.NOW, print)
    assert rds.created == []
