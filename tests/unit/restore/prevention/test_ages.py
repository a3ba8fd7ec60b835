"""A backup that is late, missing or unreadable is told, and has no number that would look healthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from restore.drill.result import STEP, Drill, DrillResult, Phase, as_json
from restore.errors import PermanentError
from restore.evidence import Store
from restore.model.prevention import PreventionSettings, parse_age
from restore.model.rds import AutomatedBackup, Instance, Snapshot
from restore.model.request import DumpStore, Settings
from restore.prevention.ages import BackupAge, BackupKind, find_late, list_watched, render
from restore.prevention.alarms import list_alarms
from restore.prevention.check import BackupCheck, list_values
from restore.prevention.stored_dumps import DAMAGED, WHOLE, StoredDump
from tests.support import worlds as w
from validation.document_store import DirectoryStore
from validation.verdict import Verdict

NIGHTLY = PreventionSettings(dump_schedule="30 3 * * *")
REPLICATED = replace(NIGHTLY, replicate_to="us-west-2")


def site(**changes: Any) -> Settings:
    return w.settings(None, **{"backups": DumpStore("dumps"), "evidence": "s3://evidence/restores", **changes})


def dump(hours: float, scanned: str = WHOLE, stack: str = "prod") -> StoredDump:
    at = w.NOW - timedelta(hours=hours)
    return StoredDump(f"shop-{at:%Y%m%d-%H%M%S}.sql.gz", at, 10, stack, scanned)


class Rds:
    def __init__(
        self,
        source: Instance | None,
        snapshots: Sequence[Snapshot] = (),
        replicas: Sequence[AutomatedBackup] = (),
    ) -> None:
        self.source, self.taken, self.replicas = source, tuple(snapshots), tuple(replicas)

    def find_instance(self, identifier: str) -> Instance | None:
        return self.source if self.source and self.source.identifier == identifier else None

    def list_snapshots(self, *, resource_id: str | None = None) -> tuple[Snapshot, ...]:
        return tuple(item for item in self.taken if item.source_resource_id == resource_id)

    def list_automated_backups(self, *, resource_id: str | None = None) -> tuple[AutomatedBackup, ...]:
        return tuple(item for item in self.replicas if item.source_resource_id == resource_id)


def replica(hours: float, **changes: Any) -> AutomatedBackup:
    """A replicated backup that reaches until so many hours ago."""
    arn = "arn:aws:rds:us-west-2:123456789012:auto-backup:ab-1"
    return w.backup(arn=arn, status="replicating", latest=w.NOW - timedelta(hours=hours), **changes)


def measure(
    store: Store,
    source: Instance | None = None,
    snapshots: Sequence[Snapshot] = (),
    dumps: Sequence[StoredDump] = (),
    prevention: PreventionSettings = NIGHTLY,
    replicas: Sequence[AutomatedBackup] = (),
) -> dict[BackupKind, BackupAge]:
    here, second = Rds(source or w.instance(), snapshots), Rds(None, replicas=replicas)
    check = BackupCheck(site(), prevention, here, lambda: dumps, lambda: store, lambda: second)
    return {age.kind: age for age in check.measure()}


@pytest.fixture
def store(tmp_path: Any) -> Store:
    return Store(DirectoryStore(tmp_path))


def test_a_fresh_backup_of_each_kind_is_no_problem(store: Store) -> None:
    store.write("prod-drill", "drill-20261101", "drill", {"passed": True})
    ages = measure(store, snapshots=[w.snapshot()], dumps=[dump(5)], prevention=REPLICATED, replicas=[replica(1)])
    assert {kind: age.is_late(w.NOW) for kind, age in ages.items()} == dict.fromkeys(BackupKind, False)
    assert list_values(list(ages.values()), w.NOW)["SnapshotAge"] == 11 * 3600
    assert list(find_late(list(ages.values()), "shop", w.NOW)) == []


def test_what_is_missing_has_no_number(store: Store) -> None:
    ages = measure(store, w.instance(latest_restorable=None))
    assert all(age.is_late(w.NOW) for age in ages.values())
    assert list_values(list(ages.values()), w.NOW) == {}


def test_snapshots_of_an_earlier_instance_of_the_name_are_no_backup(store: Store) -> None:
    earlier = w.snapshot(source_resource_id="db-EARLIER")
    begun = w.snapshot("begun", status="creating")
    assert measure(store, snapshots=[earlier, begun])[BackupKind.SNAPSHOT].at is None


@pytest.mark.parametrize(
    ("newest", "counts"), [(dump(1, ""), False), (dump(1, DAMAGED), False), (dump(1, WHOLE), True)]
)
def test_a_nightly_dump_counts_only_once_it_was_read_to_its_end(store: Store, newest: StoredDump, counts: bool) -> None:
    age = measure(store, dumps=[newest, dump(50)])[BackupKind.DUMP]
    assert (age.at == newest.at) is counts
    assert age.is_late(w.NOW) is not counts


def test_another_stack_s_dump_doesn_t_hide_that_this_one_s_are_late(store: Store) -> None:
    age = measure(store, dumps=[dump(1, stack="staging"), dump(50)])[BackupKind.DUMP]
    assert age.is_late(w.NOW)
    assert age.what == dump(50).key


def test_a_dump_of_somebody_else_counts_unread_where_the_stack_takes_none(store: Store) -> None:
    unread, damaged = dump(2, ""), dump(1, DAMAGED)
    age = measure(store, dumps=[damaged, unread], prevention=PreventionSettings())[BackupKind.DUMP]
    assert age.at == unread.at


def test_backups_of_another_instance_are_no_replica_whatever_that_one_is_called(store: Store) -> None:
    """After a rename the replication goes on with the former instance, whose backups are of the same name."""
    former = replica(0.2, source_resource_id="db-FORMER")
    age = measure(store, prevention=REPLICATED, replicas=[former])[BackupKind.REPLICA]
    assert age.at is None
    assert age.is_late(w.NOW)
    assert measure(store, prevention=REPLICATED, replicas=[former, replica(4)])[BackupKind.REPLICA].is_late(w.NOW)


def test_a_drill_that_failed_is_no_proof(store: Store) -> None:
    store.write("prod-drill", "drill-1", "drill", {"passed": False})
    store.write("prod", "drill-2", "drill", {"passed": True})
    assert measure(store)[BackupKind.DRILL].at is None


def test_the_record_that_a_drill_leaves_is_the_one_that_is_looked_for(store: Store) -> None:
    drill = Drill("drill-261101-040000", "prod", "shop")
    phase = Phase("restore", Verdict.PASS, "restored", w.NOW, 60.0)
    store.write(drill.drill_stack, drill.id, STEP, as_json(DrillResult(drill, w.NOW, 60.0, (phase,))))
    assert measure(store)[BackupKind.DRILL].what == drill.id


def test_a_source_that_is_gone_is_late_and_the_others_are_asked_all_the_same(store: Store) -> None:
    check = BackupCheck(site(), NIGHTLY, Rds(None), lambda: [dump(3)], lambda: store, lambda: Rds(None))
    ages = {age.kind: age for age in check.measure()}
    assert "not there" in ages[BackupKind.PITR].unread
    assert not ages[BackupKind.DUMP].is_late(w.NOW)
    assert "not there" in render(list(ages.values()), "shop", w.NOW)


def test_what_may_not_be_asked_is_late(store: Store) -> None:
    def refuse() -> Sequence[StoredDump]:
        raise PermanentError("AccessDenied: s3:ListBucket")

    check = BackupCheck(site(), NIGHTLY, Rds(w.instance()), refuse, lambda: store, lambda: Rds(None))
    dumps = next(age for age in check.measure() if age.kind is BackupKind.DUMP)
    assert dumps.is_late(w.NOW)
    assert "AccessDenied" in dumps.unread


def test_nothing_is_watched_that_the_check_could_never_see() -> None:
    assert BackupKind.DUMP not in list_watched(site(backups=DumpStore()), NIGHTLY)
    assert BackupKind.DRILL not in list_watched(site(evidence="./evidence"), NIGHTLY)


def test_an_alarm_needs_two_periods_of_two_checks_each() -> None:
    alarms = list_alarms(site(), replace(REPLICATED, every_minutes=5, oldest_dump="3h"))
    assert {alarm.period for alarm in alarms} == {600}
    assert next(alarm for alarm in alarms if alarm.kind is BackupKind.DUMP).limit == timedelta(hours=3)
    assert len({alarm.name for alarm in alarms}) == len(BackupKind)


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("26h", 26 * 60), ("100d", 144_000)])
def test_an_age_is_read_as_it_is_written(text: str, minutes: int) -> None:
    assert parse_age(text) == timedelta(minutes=minutes)


def test_an_age_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="no age"):
        parse_age("30")
