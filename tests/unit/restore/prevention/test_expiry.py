"""Nothing is deleted that somebody else made, that a restore still needs, or that is the last of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from restore.model.labels import TAG_CLOSED, TAG_EXPIRES, TAG_ID, TAG_STACK
from restore.model.rds import Snapshot
from restore.model.request import DumpStore
from restore.prevention.expiry import Expired, find_expired, list_open_ids, render
from restore.prevention.nightly import name_dump
from restore.prevention.stored_dumps import DAMAGED, WHOLE, StoredDump
from tests.support import worlds as w

YESTERDAY = "2026-11-21T00:00:00Z"
NIGHTLY = w.snapshot("rds:shop-2026-11-22", kind="automated", created=w.NOW - timedelta(hours=1))


def taken(name: str = "shop-migration-20261013-150000", **changes: Any) -> Snapshot:
    tags = {TAG_STACK: "prod", TAG_EXPIRES: YESTERDAY}
    return w.snapshot(name, **{"tags": tags, "created": w.NOW - timedelta(days=40), **changes})


def dump(days: float, scanned: str = WHOLE, stack: str = "prod", source: str = "shop") -> StoredDump:
    at = w.NOW - timedelta(days=days)
    return StoredDump(name_dump(DumpStore("dumps"), source, at), at, 10, stack, scanned)


def find(
    snapshots: Sequence[Snapshot] = (),
    dumps: Sequence[StoredDump] = (),
    open_ids: Sequence[str] = (),
    living: Sequence[str] = ("db-SOURCE",),
) -> Expired:
    return find_expired(
        snapshots, dumps, "prod", w.NOW, snapshot_days=90, dump_days=30, living=living, open_ids=open_ids
    )


def test_a_snapshot_past_its_time_goes_when_a_newer_one_is_there() -> None:
    assert find([taken(), NIGHTLY]).snapshots == (taken(),)


def test_the_newest_snapshot_of_an_instance_stays_whatever_its_age() -> None:
    expired = find([taken(), taken("shop-older-20261003-150000", created=w.NOW - timedelta(days=50))])
    assert [item.identifier for item in expired.snapshots] == ["shop-older-20261003-150000"]
    assert any("shop-migration-20261013-150000" in reason for reason in expired.kept)


def test_the_last_snapshot_of_an_instance_that_is_gone_stays_beside_newer_ones_of_another() -> None:
    last = taken(source_resource_id="db-GONE")
    assert find([last, NIGHTLY]).snapshots == ()


def test_a_snapshot_that_a_team_took_of_a_restored_instance_is_not_ours() -> None:
    """RDS copies the instance's tags to it."""
    theirs = w.snapshot(
        "before-release", tags={TAG_STACK: "prod", TAG_ID: "inc-1"}, created=w.NOW - timedelta(days=400)
    )
    assert not find([theirs, NIGHTLY])


def test_a_snapshot_of_another_stack_is_not_ours() -> None:
    assert not find([taken(tags={TAG_STACK: "staging", TAG_EXPIRES: YESTERDAY}), NIGHTLY])


def test_a_snapshot_that_the_service_took_is_never_deleted() -> None:
    assert not find([taken(kind="awsbackup"), taken("shop-auto-20261003-150000", kind="automated"), NIGHTLY])


def test_a_safety_snapshot_goes_after_its_days_once_its_restore_is_closed() -> None:
    old = w.snapshot("shop-inc-1-safety", tags={TAG_ID: "inc-1", TAG_STACK: "prod"}, created=w.NOW - timedelta(days=91))
    assert find([old, NIGHTLY]).snapshots == (old,)
    expired = find([old, NIGHTLY], open_ids=["inc-1"])
    assert not expired
    assert "isn't closed" in expired.kept[0]


def test_a_tag_that_nobody_can_read_keeps_a_snapshot() -> None:
    assert not find([taken(tags={TAG_STACK: "prod", TAG_EXPIRES: "soon"}), NIGHTLY])


def test_old_dumps_go_and_the_newest_whole_one_stays_whatever_its_age() -> None:
    expired = find(dumps=[dump(40), dump(50), dump(60)])
    assert expired.dumps == (dump(50), dump(60))


def test_without_a_whole_dump_none_is_deleted() -> None:
    expired = find(dumps=[dump(1, DAMAGED), dump(40, ""), dump(50, "")])
    assert not expired
    assert len(expired.kept) == 2


def test_a_damaged_newer_dump_doesn_t_cost_the_last_whole_one() -> None:
    assert not find(dumps=[dump(1, DAMAGED), dump(40)])


def test_dumps_of_somebody_else_stay() -> None:
    assert not find(dumps=[dump(1), dump(40, stack=""), dump(50, stack="staging")])


def test_what_goes_and_what_stays_is_shown_before_the_question() -> None:
    text = render(find([taken(), NIGHTLY], [dump(40), dump(50)]), w.NOW)
    assert "deletes snapshot shop-migration-20261013-150000" in text
    assert f"deletes dump {dump(50).key}" in text
    assert f"keeps dump {dump(40).key}" in text


def test_a_newer_dump_of_another_database_doesn_t_cost_the_last_one_of_this() -> None:
    """Two stacks, or two products with a stack of the same name, share a bucket and a prefix."""
    for other in (dump(1, source="billing"), dump(1, stack="staging")):
        assert not find(dumps=[other, dump(40)])


def test_nothing_goes_while_a_restore_of_the_stack_is_open() -> None:
    """It may be what is being restored, or the next to try."""
    expired = find([taken(), NIGHTLY], [dump(1), dump(40)], open_ids=["inc-1"])
    assert not expired
    assert [reason.partition(": ")[2] for reason in expired.kept] == ["restore inc-1 isn't closed"] * 2


def test_the_last_snapshot_of_a_gone_instance_stays_though_rds_still_has_a_newer_one_of_its_own() -> None:
    """RDS deletes its own when their retention ends."""
    assert not find([taken(), NIGHTLY], living=())


@pytest.mark.parametrize("name", ["shop-inc-1-safety", "shop-inc-1-copy"])
def test_what_a_person_took_of_a_restored_instance_is_not_ours_whatever_its_name(name: str) -> None:
    tags = {TAG_ID: "inc-1", TAG_STACK: "prod", TAG_CLOSED: YESTERDAY}
    theirs = w.snapshot(name, source_identifier="shop-inc-1", tags=tags, created=w.NOW - timedelta(days=400))
    assert not find([theirs, NIGHTLY])


def test_what_a_person_took_of_an_instance_that_inherited_our_tags_is_not_ours() -> None:
    """RDS hands a snapshot's tags on to an instance that is restored from it without any, and that one's on again."""
    assert not find([taken("shop-before-release"), taken("shop-20261013"), NIGHTLY])


def test_a_restore_is_open_until_its_instance_is_tagged_as_closed() -> None:
    tags = {TAG_ID: "inc-1", TAG_STACK: "prod"}
    assert list_open_ids([w.candidate(tags=tags)], "prod") == {"inc-1"}
    assert not list_open_ids([w.candidate(tags={**tags, TAG_CLOSED: YESTERDAY})], "prod")
    assert not list_open_ids([w.candidate(tags=tags)], "staging")
