"""The empty instance for a dump: never older, smaller or less protected than what it stands in for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from restore.errors import Problem
from restore.model.dump import DumpChoice, DumpVersion
from restore.model.labels import TAG_DUMP, TAG_POINT
from restore.model.planned import NewInstance, Plan
from restore.model.rds import InstanceSettings
from restore.model.request import Traffic
from restore.plan import make
from restore.recovery_points.dumps import choose_engine_version, estimate_storage_gib
from tests.support.worlds import (
    DUMP,
    DUMP_KEY,
    NOW,
    SOURCE_SETTINGS,
    asked,
    backup,
    candidate,
    dump,
    dumped,
    instance,
    only_problem,
    problems,
    settings,
    snapshot,
)

PIN = "2026-11-22T04:00:00Z 2026-11-22T04:30:00Z shop-backups v-1"
GONE = {"instanceClass": "db.r6g.large", "dbSubnetGroupName": "shop-subnets", "vpcSecurityGroupIds": ("sg-1",)}
VERSIONS = ("13.22", "16.9", "16.10", "17.5", "17.10", "18.1")


def planned(request: Any = DUMP, **changes: Any) -> Plan:
    return make(settings(request), dumped(**changes))


def without_source(**changes: Any) -> Plan:
    gone = {"source": None, "backups": (), "snapshots": ()}
    configured = settings(asked(DUMP, traffic=Traffic.SOURCE), instance=GONE, apps=())
    return make(configured, dumped(**{**gone, **changes}))


def made(pin: str = PIN) -> Any:
    tags = {**candidate().tags, TAG_POINT: f"dump:{DUMP_KEY}", TAG_DUMP: pin}
    return candidate(tags=tags, master_user="admin")


# Which bytes


def test_the_bytes_that_are_meant_are_pinned_on_the_candidate_before_they_are_read() -> None:
    plan = planned()
    assert plan.point.dump == DumpVersion("shop-backups", DUMP_KEY, "v-1")
    assert (plan.tags[TAG_POINT], plan.tags[TAG_DUMP]) == (f"dump:{DUMP_KEY}", PIN)


def test_a_newer_dump_does_not_change_what_a_restore_is_made_of() -> None:
    newer = DumpChoice(dump(key="newer.sql.gz", version="v-9"), "admin")
    plan = planned(candidate=made(), open_restores=(made(),), dump=newer)
    assert plan.point.dump == DumpVersion("shop-backups", DUMP_KEY, "v-1")
    assert (plan.point.at, plan.point.until) == (NOW - timedelta(hours=11), NOW - timedelta(hours=10, minutes=30))
    assert plan.tags[TAG_DUMP] == PIN


def test_another_key_for_the_same_restore_is_refused_also_by_case() -> None:
    request = asked(DUMP, dump=DUMP_KEY.replace("shop", "Shop"))
    refused = problems(settings(request), dumped(candidate=made(), open_restores=(made(),)))
    assert "another one" in refused["restore inc-1"].fix


@pytest.mark.parametrize("pin", ["", "v-1", PIN.replace("T", " ", 1), PIN + " more"])
def test_a_candidate_whose_pin_is_lost_is_not_loaded_with_a_guess(pin: str) -> None:
    found = dumped(candidate=made(pin), open_restores=(made(pin),))
    assert TAG_DUMP in only_problem(settings(DUMP), found).found


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong = (Problem("dump", "a", "b", "c"), Problem("secret", "a", "b", "c"))
    choice = DumpChoice(dump(server_version="19.1"), "admin", wrong)
    assert set(problems(settings(DUMP), dumped(dump=choice))) == {"dump", "secret", f"dump {dump().url}"}


# What it is to be


@pytest.mark.parametrize(
    ("wanted", "version"),
    [("16.4", "16.10"), ("16.10", "16.10"), ("16.11", None), ("17.6", "17.10"), ("12.1", None), ("18", "18.1")],
)
def test_the_version_is_the_newest_minor_of_its_major_and_never_older(wanted: str, version: str | None) -> None:
    assert choose_engine_version(wanted, VERSIONS) == version


def test_a_major_that_the_region_no_longer_creates_is_refused_with_what_it_does_create() -> None:
    choice = DumpChoice(dump(server_version="13.4"), "admin")
    problem = only_problem(settings(DUMP), dumped(dump=choice))
    assert ("13.4" in problem.found, "16.14, 17.5, 17.6, 17.9, 17.10, 18.1" in problem.found) == (True, True)
    assert "restore.dumps load" in problem.fix


def test_a_dump_that_does_not_say_its_version_gets_the_living_source_s() -> None:
    silent = DumpChoice(dump(server_version=""), "admin")
    assert planned(dump=silent).engine_version == "17.10"
    refused = problems(settings(DUMP, instance=GONE), dumped(dump=silent, source=None, backups=()))
    assert "version" in refused[f"dump {dump().url}"].found


def test_an_older_major_does_not_get_the_parameter_groups_of_the_source() -> None:
    choice = DumpChoice(dump(server_version="16.4"), "admin")
    assert "parameterGroupName" in only_problem(settings(DUMP), dumped(dump=choice)).fix


def test_storage_has_room_for_rows_indexes_and_log_and_grows_by_itself() -> None:
    assert estimate_storage_gib(dump(size=1000)) == 20
    assert estimate_storage_gib(dump(size=100 << 30, expansion=5.0)) == 1500
    large = DumpChoice(dump(size=100 << 30), "admin")
    plan = planned(dump=large, source=instance(settings=replace(SOURCE_SETTINGS, max_allocated_storage=None)))
    assert (plan.settings.allocated_storage, plan.settings.max_allocated_storage) == (1500, 3000)
    assert planned().settings.allocated_storage == SOURCE_SETTINGS.allocated_storage


def test_it_is_encrypted_with_the_source_s_key_or_that_of_its_last_backup() -> None:
    assert planned().fresh == NewInstance("admin", "key-1")
    assert planned(source=instance(storage_encrypted=False, kms_key_id=None)).fresh == NewInstance("admin", None)
    kept = backup(status="retained", kms_key_id="key-2")
    assert without_source(backups=(kept,)).fresh == NewInstance("admin", "key-2")
    assert without_source(snapshots=(snapshot(kms_key_id="key-3"),)).fresh == NewInstance("admin", "key-3")
    assert without_source().fresh == NewInstance("admin", None)


def test_a_source_that_is_gone_leaves_safe_settings_and_what_its_backup_still_knows() -> None:
    found = without_source().settings
    assert (found.publicly_accessible, found.deletion_protection, found.storage_type) == (False, True, "gp3")
    assert found.backup_retention_period == 7
    kept = backup(status="retained", settings=InstanceSettings(allocated_storage=300, port=5433, multi_az=True))
    found = without_source(backups=(kept,)).settings
    assert (found.allocated_storage, found.port, found.multi_az) == (300, 5433, True)


def test_without_a_source_what_nobody_knows_must_be_said() -> None:
    refused = problems(settings(DUMP, apps=()), dumped(source=None, backups=(), snapshots=()))
    assert "instanceClass" in refused["config instance"].found


def test_the_preview_tells_what_a_dump_does_not_carry_and_what_a_switch_loses() -> None:
    notes = "\n".join(planned().notes)
    assert "creates: instance shop-inc-1 (db.r6g.large, gp3 100 GiB, Multi-AZ, PostgreSQL 17.10)" in notes
    assert f"dump s3://shop-backups/{DUMP_KEY} (version v-1, 2.1 GB)" in notes
    assert "RPO 11 h" in notes
    assert "roles" in notes
