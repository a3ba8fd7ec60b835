"""A proof is of one DbiResourceId, and what serves is compared and never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from restore.candidate.settings import freeze_settings, thaw_settings
from restore.gates import conformed, imported, proofs, registry, validated
from restore.gates.context import GateContext
from restore.model.rds import Instance, InstanceSettings
from restore.model.request import Traffic
from restore.report import verdict
from tests.support.gate_worlds import Stage, stage
from tests.support.report_records import RESTORED, Records, gate, run
from tests.support.worlds import (
    FROZEN,
    SOURCE_SETTINGS,
    SWITCHED,
    asked,
    candidate,
    instance,
    restored,
)

SHRUNK = replace(SOURCE_SETTINGS, instance_class="db.t4g.micro", backup_retention_period=0)
KEPT = {"wanted": freeze_settings(replace(SOURCE_SETTINGS, deletion_protection=True)), "resource_id": "db-CANDIDATE"}


def after_the_switch(folder: Path, **changes: Any) -> Stage:
    """The candidate serves; since then the source was shrunk and its backups were turned off."""
    found = restored(cluster=SWITCHED, source=instance(settings=SHRUNK))
    return stage(asked(traffic=Traffic.RESTORED), found, folder, **changes)


def before_the_switch(folder: Path, source: InstanceSettings, made: InstanceSettings, **changes: Any) -> Stage:
    found = restored(cluster=FROZEN, source=instance(settings=source), candidate=candidate(settings=made))
    return stage(asked(), found, folder, **changes)


@pytest.mark.parametrize("receipt", [KEPT, {}])
@pytest.mark.parametrize("proved", [True, False])
def test_production_is_never_modified_whatever_becomes_of_the_old_source(
    tmp_path: Path, receipt: Mapping[str, Any], proved: bool
) -> None:
    at = after_the_switch(tmp_path, instance={"multiAz": False}, waive={"conformed.iops": "known to differ"})
    if proved:
        at.context.store.write("prod", "inc-1", "conformed", opened("db-CANDIDATE"))
    shut = at.prove("conformed", conformed.prove, receipt=receipt)
    assert at.rds.modified == []
    assert (shut is None) is proved


def test_a_setting_wanted_at_the_creation_stays_wanted_when_the_source_is_shrunk(tmp_path: Path) -> None:
    made = replace(SOURCE_SETTINGS, deletion_protection=True)
    at = before_the_switch(tmp_path, SHRUNK, made)
    assert at.prove("conformed", conformed.prove, receipt=KEPT) is None
    assert at.rds.modified == []
    drifted = before_the_switch(tmp_path, SHRUNK, replace(made, backup_retention_period=1))
    assert drifted.prove("conformed", conformed.prove, receipt=KEPT) is None
    assert [wanted.backup_retention_period for _, wanted in drifted.rds.modified] == [7]
    assert [one.settings.instance_class for one in drifted.rds.instances if one.identifier == "shop-inc-1"] == [
        "db.r6g.large"
    ]


def test_what_the_key_instance_says_before_the_switch_is_wanted_over_what_was_kept(tmp_path: Path) -> None:
    at = before_the_switch(tmp_path, SOURCE_SETTINGS, SOURCE_SETTINGS, instance={"multiAz": False})
    assert at.prove("conformed", conformed.prove, receipt=KEPT) is None
    assert [wanted.multi_az for _, wanted in at.rds.modified] == [False]


def test_kept_settings_come_back_as_they_were() -> None:
    assert thaw_settings(freeze_settings(SOURCE_SETTINGS), {}) == SOURCE_SETTINGS
    assert thaw_settings(json.dumps({"a_field_of_later": 1}), {"port": 5433}) == InstanceSettings(port=5433)


# Earlier proofs


def opened(resource_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "gate": "validated",
        "verdict": "FAIL",
        "open": True,
        "ended": "2026-11-22T14:50:00+00:00",
        "facts": {"resource_id": resource_id, "loss": {"headline": "a switch loses 3 rows"}},
        "problems": [{"subject": "validated.rows:u", "found": "9", "needed": "10", "fix": "choose"}],
        "waived": {"validated.rows:u": "known since Monday"},
        **changes,
    }


def test_what_was_validated_before_it_served_holds_with_its_waivers_and_is_not_run_again(tmp_path: Path) -> None:
    at = after_the_switch(tmp_path)
    at.context.store.write("prod", "inc-1", "validated", opened("db-CANDIDATE"))
    assert at.prove("validated", validated.prove) is None
    assert at.last["waived"] == {"validated.rows:u": "known since Monday"}
    assert at.last["facts"]["loss"] == {"headline": "a switch loses 3 rows"}
    assert at.last["facts"]["held"] == "2026-11-22T14:50:00+00:00"
    assert at.prove("validated", validated.prove) is None
    assert at.last["facts"]["held"] == "2026-11-22T14:50:00+00:00"


def test_where_the_evidence_is_gone_the_receipt_of_the_same_instance_holds(tmp_path: Path) -> None:
    at = after_the_switch(tmp_path)
    assert at.prove("imported", imported.prove, earlier={"resource_id": "db-CANDIDATE"}) is None
    assert "was proved before" in at.last["summary"]
    assert at.prove("conformed", conformed.prove, receipt=KEPT, earlier={"resource_id": "db-FORMER"}) is None


@pytest.mark.parametrize(
    ("record", "counts"),
    [
        (opened("db-CANDIDATE"), True),
        (opened("db-FORMER"), False),
        (opened("db-CANDIDATE", open=False), False),
        (opened("db-CANDIDATE", facts={}), False),
    ],
)
def test_only_a_proof_of_the_instance_that_is_there_now_counts(
    tmp_path: Path, record: Mapping[str, Any], counts: bool
) -> None:
    at = after_the_switch(tmp_path)
    at.context.store.write("prod", "inc-1", "conformed", opened("db-CANDIDATE"))
    at.context.store.write("prod", "inc-1", "validated", record)
    assert registry.is_candidate_proved(at.context) is counts
    assert (proofs.find_proof(at.context, "validated", candidate()) is not None) is counts


def test_no_instance_has_no_proof() -> None:
    context = cast("GateContext", SimpleNamespace())
    nothing: Instance | None = None
    assert proofs.find_proof(context, "validated", nothing) is None


# The report


def of(resource_id: str, records: Records) -> list[Mapping[str, Any]]:
    """The same records, as they are written of this instance."""
    return [
        {**one, "facts": {**one["facts"], "resource_id": resource_id}} if one.get("gate") else one for one in records
    ]


def test_the_report_takes_no_proof_of_an_instance_that_is_no_longer_there() -> None:
    plan = {"candidate_resource_id": "db-NEW", "found_traffic": "restored"}
    last = run(2000, "restored", plan=plan)
    assert verdict.judge([*of("db-NEW", RESTORED), last]).verdict == "PASS"
    found = verdict.judge([*of("db-OLD", RESTORED), last])
    assert found.verdict == "INCONCLUSIVE"
    assert "validated is not proved: not tried" in found.headline
    serves = run(2000, "restored", plan={"found_traffic": "restored", "serves_resource_id": "db-NEW"})
    assert [one.name for one in verdict.judge([*of("db-OLD", RESTORED), serves]).gates if one.attempt is None] == [
        "switched",
        "serving",
    ]


def test_a_candidate_that_is_to_be_made_again_has_nothing_proved_yet() -> None:
    last = run(2000, "restored", plan={"candidate_resource_id": None, "found_traffic": "restored"})
    assert verdict.judge([*of("db-OLD", RESTORED), last]).verdict == "INCONCLUSIVE"
    again = [gate(name, 2010, 2020, facts={"resource_id": "db-NEW"}) for name in ("conformed", "validated")]
    assert verdict.judge([*of("db-OLD", RESTORED), last, *again]).verdict == "PASS"
