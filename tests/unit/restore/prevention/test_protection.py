"""A source that loses its backups early is told, and never modified unless asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from restore.model.prevention import PreventionSettings
from restore.model.rds import Instance, InstanceSettings
from restore.model.request import DumpStore
from restore.prevention.costs import describe_costs
from restore.prevention.protection import find_gaps, find_protection, find_unreplicated, list_unwatched
from tests.support import worlds as w

PREVENTION = PreventionSettings()


def source(**settings: Any) -> Instance:
    return w.instance(settings=replace(w.SOURCE_SETTINGS, **settings))


def found(instance: Instance | None, prevention: PreventionSettings = PREVENTION) -> list[str]:
    return [problem.found for problem in find_gaps(instance, prevention)]


def test_seven_days_are_less_than_thirty_five() -> None:
    assert found(source()) == ["automated backups are kept for 7 days"]
    assert find_protection(source(), PREVENTION) == InstanceSettings(backup_retention_period=35)


def test_a_longer_retention_than_wanted_is_never_shortened() -> None:
    wanted = PreventionSettings(retention_days=7)
    assert find_protection(source(backup_retention_period=35), wanted) == InstanceSettings()


def test_a_missing_deletion_protection_is_told() -> None:
    bare = source(backup_retention_period=35, deletion_protection=False)
    assert found(bare) == ["no deletion protection"]
    assert find_protection(bare, PREVENTION) == InstanceSettings(deletion_protection=True)


def test_automated_backups_that_are_off_are_for_a_person_to_turn_on() -> None:
    (problem,) = find_gaps(source(backup_retention_period=0), PREVENTION)
    assert "restarts" in problem.needed
    assert problem.fix.startswith("aws rds modify-db-instance")


def test_an_encrypted_source_needs_a_key_in_the_second_region() -> None:
    kept = source(backup_retention_period=35)
    elsewhere = PreventionSettings(replicate_to="us-west-2")
    assert "no key in us-west-2" in found(kept, elsewhere)[0]
    assert found(kept, replace(elsewhere, replica_kms_key_id="arn:aws:kms:us-west-2:1:key/1")) == []


def test_an_instance_whose_backups_go_nowhere_is_told_though_its_name_s_former_holder_s_do() -> None:
    elsewhere = PreventionSettings(replicate_to="us-west-2")
    here, there = (f"arn:aws:rds:{region}:123456789012:auto-backup:ab-1" for region in ("eu-west-1", "us-west-2"))
    (problem,) = find_unreplicated(w.instance(replications=(here,)), elsewhere)
    assert problem.found == f"no automated backups of it ({w.instance().resource_id}) in us-west-2"
    assert list(find_unreplicated(w.instance(replications=(here, there)), elsewhere)) == []
    assert list(find_unreplicated(w.instance(), PREVENTION)) == []


def test_a_source_that_is_gone_has_no_gaps() -> None:
    assert found(None) == []


def test_what_has_no_alarm_is_told() -> None:
    bare = w.settings(None, backups=DumpStore(), evidence="./evidence")
    assert len(list(list_unwatched(bare, PREVENTION))) == 3


def test_the_preview_tells_what_it_costs() -> None:
    settings = w.settings(None, backups=DumpStore("dumps", days=90), evidence="s3://evidence/restores")
    every = PreventionSettings(dump_schedule="30 3 * * *", replicate_to="us-west-2")
    lines = "\n".join(describe_costs(settings, every, source()))
    assert "5 alarms and 5 metrics: $2.00 a month" in lines
    assert "90 dumps of up to 25 GiB" in lines
    assert "$51.75 a month" in lines
    assert "backups in us-west-2, first copy of 100 GiB: storage: up to $9.50 a month" in lines


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    settings = w.settings(None, region="eu-north-1", backups=DumpStore("dumps"))
    nightly = PreventionSettings(dump_schedule="30 3 * * *")
    assert any(
        "no list price of S3 in eu-north-1 known" in line for line in describe_costs(settings, nightly, source())
    )
