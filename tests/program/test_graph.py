"""The graph of one restore: what must come before what, and how databases are protected from Pulumi itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from restore.model.dump import DumpVersion
from restore.model.gates import list_needed_gates
from restore.model.planned import (
    AppPlan,
    CopyPlan,
    NewInstance,
    ParameterGroupPlan,
    Plan,
    RecoveryPoint,
    RenamePlan,
    SecretPlan,
)
from restore.model.rds import Endpoint, Instance, InstanceSettings
from restore.model.request import App, Login, Method, SecretKey, Settings, Tls, Traffic
from tests.support.declarations import by_name, register

SOURCE = Endpoint("source.example", 5432)
CANDIDATE = Endpoint("candidate.example", 5432)
SETTINGS = Settings(
    stack="prod",
    region="us-east-1",
    source="ghost-db",
    namespace="ghost",
    apps=(App("api-gateway"), App("indexer")),
    secret=SecretKey("database-credentials", "DATABASE_URL"),
    login=Login("ghostadmin", "ghost-protocol/prod/db-password"),
    tls=Tls("verify-full", "/ca.pem"),
    evidence="evidence",
    request=None,
)
INSTANCE = Instance(
    "ghost-db", "db-SOURCE", "arn:source", "available", "postgres", "17.10", SOURCE, None, None, InstanceSettings()
)

CANDIDATE_INSTANCE = replace(INSTANCE, identifier="ghost-db-inc-1", resource_id="db-CANDIDATE", endpoint=CANDIDATE)


def plan(traffic: Traffic, *, moved: bool = True, switched: bool = False, latest: bool = False) -> Plan:
    serves = CANDIDATE if traffic is Traffic.RESTORED else SOURCE
    apps = tuple(
        AppPlan(name, 0 if traffic is Traffic.FROZEN else 2, 2, "kubectl-client-side-apply/Update", serves, "")
        for name in ("api-gateway", "indexer")
    )
    secret = SecretPlan(
        "database-credentials", "DATABASE_URL", "postgresql://new", "postgresql://old", serves, SOURCE, None
    )
    point = RecoveryPoint(
        Method.PITR,
        time=None if latest else datetime(2026, 11, 22, 14, 30, tzinfo=UTC),
        latest=latest,
        source_resource_id="db-SOURCE",
        tag="pitr:2026-11-22T14:30:00Z",
    )
    return Plan(
        id="inc-1",
        stack="prod",
        region="us-east-1",
        traffic=traffic,
        found_traffic=Traffic.SOURCE,
        point=point,
        candidate="ghost-db-inc-1",
        candidate_found=None,
        adopt=None,
        settings=InstanceSettings(instance_class="db.r6g.large", vpc_security_group_ids=("sg-1",), multi_az=True),
        engine_version=None,
        tags={"restore:id": "inc-1"},
        final_snapshot="ghost-db-inc-1-final",
        source=INSTANCE,
        safety_snapshot="ghost-db-inc-1-safety" if moved else None,
        apps=apps if moved else (),
        secret=secret if switched else None,
        serving=CANDIDATE_INSTANCE if traffic is Traffic.RESTORED else INSTANCE,
        left=INSTANCE if traffic is Traffic.RESTORED else None,
    )


def of_dump(traffic: Traffic, **changes: bool) -> Plan:
    """A plan of method dump."""
    point = RecoveryPoint(Method.DUMP, dump=DumpVersion("backups", "nightly.sql.gz", "v-1"), tag="dump:nightly.sql.gz")
    return replace(
        plan(traffic, **changes), point=point, fresh=NewInstance("ghostadmin", "key-1"), engine_version="17.10"
    )


def declared(wanted: Plan, proved: bool = False) -> Mapping[str, Any]:
    """The registrations of a plan, by logical name; components left out."""
    return by_name(register(wanted, SETTINGS, proved=proved))


def before(requests: Mapping[str, Any], name: str) -> set[str]:
    """All resources that must be done before this one."""
    direct = {urn.rpartition("::")[2] for urn in requests[name].dependencies}
    return direct.union(*(before(requests, one) for one in direct)) if direct else direct


def test_the_candidate_starts_at_once_beside_the_freeze() -> None:
    requests = declared(plan(Traffic.FROZEN))
    assert before(requests, "candidate-inc-1") == {"settings-inc-1", "accepted-inc-1", "created-inc-1"}


def copying(traffic: Traffic) -> Plan:
    """A plan whose snapshot is copied first, with a parameter group of its own."""
    copy = CopyPlan("arn:original", "ghost-db-inc-1-copy", "key-west", {"restore:id": "inc-1"}, None)
    group = ParameterGroupPlan("ghost-pg17", "postgres17", {"work_mem": "8"}, {}, None)
    return replace(plan(traffic), copy=copy, parameter_group=group)


def test_no_application_stops_before_a_copy_has_ended_and_the_restore_from_it_was_accepted() -> None:
    requests = declared(copying(Traffic.FROZEN))
    assert {"copy-inc-1", "parameters-inc-1"} <= before(requests, "candidate-inc-1")
    assert {"copy-inc-1", "accepted-inc-1"} <= before(requests, "api-gateway")


def test_a_copied_snapshot_is_protected_as_a_database_is() -> None:
    copy = declared(copying(Traffic.FROZEN))["copy-inc-1"]
    assert copy.protect
    assert copy.retainOnDelete
    assert {"sourceDbSnapshotIdentifier", "kmsKeyId"} <= set(copy.ignoreChanges)
    assert list(copy.hooks.before_delete) == ["never-delete-ghost-db-inc-1-copy"]


def test_a_parameter_group_outlives_its_restore_and_is_never_changed_again() -> None:
    group = declared(copying(Traffic.RESTORED))["parameters-inc-1"]
    assert group.retainOnDelete
    assert {"parameters", "family"} <= set(group.ignoreChanges)


def test_latest_waits_until_nobody_writes_or_the_last_writes_would_be_lost() -> None:
    requests = declared(plan(Traffic.FROZEN, latest=True))
    assert {"quiesced-inc-1", "api-gateway", "indexer"} <= before(requests, "candidate-inc-1")


def test_the_safety_snapshot_is_taken_of_a_quiet_source() -> None:
    requests = declared(plan(Traffic.FROZEN))
    assert {"quiesced-inc-1", "api-gateway", "indexer"} <= before(requests, "safety-inc-1")


def test_no_application_resumes_before_the_data_is_proved_and_the_secret_switched() -> None:
    requests = declared(plan(Traffic.RESTORED, switched=True))
    needed = {
        "candidate-inc-1",
        "conformed-inc-1",
        "validated-inc-1",
        "safety-inc-1",
        "way-back-inc-1",
        "switched-inc-1",
        "database-credentials",
    }
    for app in ("api-gateway", "indexer"):
        assert needed <= before(requests, app)
    assert {"api-gateway", "indexer"} <= before(requests, "serving-inc-1")


def test_the_secret_is_not_touched_before_the_switch_is_safe() -> None:
    requests = declared(plan(Traffic.RESTORED, switched=True))
    assert "switched-inc-1" in before(requests, "database-credentials")


def by_name_of_production(traffic: Traffic) -> Plan:
    """A plan of cutover rename, with the source called otherwise meanwhile."""
    moved = plan(traffic)
    aside = replace(INSTANCE, identifier="ghost-db-before-inc-1")
    rename = RenamePlan("ghost-db", "db-CANDIDATE", "db-SOURCE", "ghost-db-before-inc-1")
    return replace(moved, source=aside, rename=None if traffic is Traffic.FROZEN else rename)


@pytest.mark.parametrize("traffic", [Traffic.RESTORED, Traffic.SOURCE])
def test_no_application_resumes_before_production_s_name_is_where_it_should_be(traffic: Traffic) -> None:
    requests = declared(by_name_of_production(traffic))
    assert "switched-inc-1" in before(requests, "renamed-inc-1")
    for app in ("api-gateway", "indexer"):
        assert "renamed-inc-1" in before(requests, app)
    assert not [name for name in requests if name.startswith(("way-back", "database-credentials"))]


def test_a_safety_snapshot_is_of_the_source_and_not_of_who_has_its_name() -> None:
    requests = declared(by_name_of_production(Traffic.FROZEN))
    assert requests["safety-inc-1"].object["dbInstanceIdentifier"] == "ghost-db-before-inc-1"


def test_no_plugin_addresses_the_candidate_by_a_name_that_has_moved() -> None:
    ignored = set(declared(by_name_of_production(Traffic.RESTORED))["candidate-inc-1"].ignoreChanges)
    assert {"identifier", "tags", "applyImmediately"} <= ignored


def test_nothing_of_the_candidate_can_hold_up_the_way_back() -> None:
    requests = declared(plan(Traffic.SOURCE, switched=True), proved=True)
    way_back = {"switched-inc-1", "database-credentials", "api-gateway", "indexer", "serving-inc-1"}
    for name in ("candidate-inc-1", "conformed-inc-1", "validated-inc-1", "safety-inc-1"):
        assert way_back <= before(requests, name)
    assert "candidate-inc-1" not in before(requests, "serving-inc-1")


def test_a_validation_that_never_passed_does_not_fail_the_way_back() -> None:
    assert "validated-inc-1" not in declared(plan(Traffic.SOURCE, switched=True), proved=False)


def test_a_dump_is_read_while_the_instance_is_made_and_loaded_when_both_are_done() -> None:
    requests = declared(of_dump(Traffic.FROZEN))
    assert before(requests, "scanned-inc-1") == set()
    assert before(requests, "candidate-inc-1") == {"settings-inc-1"}
    loaded_after = {"scanned-inc-1", "conformed-inc-1", "candidate-inc-1", "settings-inc-1"}
    assert before(requests, "imported-inc-1") == loaded_after
    assert {"imported-inc-1", "conformed-inc-1"} <= before(requests, "validated-inc-1")


def test_no_application_resumes_on_a_database_that_is_only_half_loaded() -> None:
    requests = declared(of_dump(Traffic.RESTORED, switched=True))
    assert {"scanned-inc-1", "imported-inc-1", "validated-inc-1"} <= before(requests, "api-gateway")


def test_a_dump_cannot_hold_up_the_way_back() -> None:
    requests = declared(of_dump(Traffic.SOURCE, switched=True), proved=True)
    for name in ("scanned-inc-1", "imported-inc-1"):
        assert "serving-inc-1" in before(requests, name)


def test_the_receipts_name_the_bytes_and_the_state_holds_no_password() -> None:
    requests = declared(of_dump(Traffic.FROZEN))
    for name in ("scanned-inc-1", "imported-inc-1"):
        found = requests[name].object["input"]["dump"]
        assert dict(found) == {"bucket": "backups", "key": "nightly.sql.gz", "version": "v-1"}
    inputs = requests["candidate-inc-1"].object
    assert "password" not in inputs
    wanted = {"engine": "postgres", "engineVersion": "17.10", "username": "ghostadmin", "kmsKeyId": "key-1"}
    wanted |= {"manageMasterUserPassword": True, "storageEncrypted": True}
    assert {name: inputs[name] for name in wanted} == wanted
    assert {"username", "kmsKeyId", "manageMasterUserPassword"} <= set(requests["candidate-inc-1"].ignoreChanges)


def test_a_rehearsal_touches_neither_the_applications_nor_the_source() -> None:
    requests = declared(plan(Traffic.SOURCE, moved=False))
    assert {request.type for request in requests.values()} == {"aws:rds/instance:Instance", "pulumi:index:Stash"}
    assert "conformed-inc-1" in before(requests, "validated-inc-1")


@pytest.mark.parametrize("traffic", list(Traffic))
def test_pulumi_can_never_delete_or_replace_a_database(traffic: Traffic) -> None:
    requests = declared(plan(traffic, switched=traffic is not Traffic.FROZEN))
    for name in ("candidate-inc-1", "safety-inc-1"):
        request = requests[name]
        assert request.protect
        assert request.retainOnDelete
        assert request.hooks.before_delete
    candidate = requests["candidate-inc-1"]
    assert {"snapshotIdentifier", "restoreToPointInTime", "identifier", "password", "instanceClass"} <= set(
        candidate.ignoreChanges
    )
    inputs = candidate.object
    assert inputs["skipFinalSnapshot"] is False
    assert inputs["deleteAutomatedBackups"] is False
    assert inputs["finalSnapshotIdentifier"] == "ghost-db-inc-1-final"


def test_a_candidate_outside_the_state_is_adopted_by_its_resource_id() -> None:
    requests = declared(replace(plan(Traffic.FROZEN), adopt="db-CANDIDATE"))
    assert requests["candidate-inc-1"].importId == "db-CANDIDATE"


@pytest.mark.parametrize("traffic", list(Traffic))
def test_every_receipt_says_of_which_instance_it_is(traffic: Traffic) -> None:
    requests = declared(plan(traffic, switched=traffic is not Traffic.FROZEN), proved=True)
    serving = "db-CANDIDATE" if traffic is Traffic.RESTORED else "db-SOURCE"
    of_traffic = {"quiesced": serving, "switched": serving, "serving": serving}
    of_candidate = dict.fromkeys(("conformed", "validated"), "db-of-candidate-inc-1")
    for gate, resource_id in (of_traffic | of_candidate).items():
        if f"{gate}-inc-1" in requests:
            assert requests[f"{gate}-inc-1"].object["input"]["resource_id"] == resource_id
    if traffic is Traffic.RESTORED:
        assert requests["switched-inc-1"].object["input"]["proved"] == "db-of-candidate-inc-1"


def test_the_settings_wanted_are_kept_before_the_candidate_is_made_and_never_change() -> None:
    requests = declared(plan(Traffic.FROZEN))
    assert "settings-inc-1" in before(requests, "candidate-inc-1")
    assert "input" in requests["settings-inc-1"].ignoreChanges
    assert '"instance_class": "db.r6g.large"' in requests["conformed-inc-1"].object["input"]["wanted"]


def test_no_application_resumes_on_the_source_unproved_also_where_no_secret_is_switched_back() -> None:
    requests = declared(plan(Traffic.SOURCE))
    for app in ("api-gateway", "indexer"):
        assert "switched-inc-1" in before(requests, app)


def test_pulumi_patches_are_left_in_place_when_they_leave_the_state() -> None:
    requests = declared(plan(Traffic.RESTORED, switched=True))
    for name in ("api-gateway", "indexer", "database-credentials"):
        assert requests[name].retainOnDelete
        assert requests[name].object["metadata"]["annotations"]["pulumi.com/patchFieldManager"] == "pulumi-restore"


@pytest.mark.parametrize("traffic", list(Traffic))
def test_no_patch_waits_for_what_the_operator_may_not_list(traffic: Traffic) -> None:
    """The provider's await hangs without a right that only it needs: the applications would stay at zero."""
    requests = declared(plan(traffic, switched=traffic is not Traffic.FROZEN))
    patches = [one for one in requests.values() if one.type.endswith("Patch")]
    assert len(patches) == (2 if traffic is Traffic.FROZEN else 3)
    for patch in patches:
        assert patch.object["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


def test_every_gate_is_a_before_hook_so_that_a_failure_is_tried_again() -> None:
    requests = declared(plan(Traffic.RESTORED, switched=True))
    for name in ("conformed-inc-1", "validated-inc-1", "switched-inc-1", "serving-inc-1"):
        hooks = requests[name].hooks
        assert hooks.before_create
        assert list(hooks.before_create) == list(hooks.before_update)
        assert not hooks.after_create
        assert not hooks.after_update


@pytest.mark.parametrize("traffic", list(Traffic))
@pytest.mark.parametrize("make", [plan, of_dump])
@pytest.mark.parametrize("moved", [True, False])
def test_the_report_asks_for_every_gate_that_the_graph_has(
    make: Callable[..., Plan], traffic: Traffic, moved: bool
) -> None:
    switched = traffic is not Traffic.FROZEN and moved
    wanted = make(traffic, moved=moved or traffic is not Traffic.SOURCE, switched=switched)
    stashes = {name for name, one in declared(wanted).items() if one.type == "pulumi:index:Stash"}
    receipts = {
        name.removesuffix("-inc-1")
        for name in stashes
        if not name.startswith(("way-back", "settings", "accepted", "created"))
    }
    assert receipts == {gate.name for gate in list_needed_gates(wanted)}


@pytest.mark.parametrize("make", [plan, of_dump])
def test_the_long_work_of_the_plugin_is_timed(make: Callable[..., Plan]) -> None:
    requests = declared(make(Traffic.FROZEN))
    for name in ("candidate-inc-1", "safety-inc-1"):
        assert requests[name].hooks.before_create
        assert requests[name].hooks.after_create


@pytest.mark.parametrize("make", [plan, of_dump])
def test_no_application_stops_before_aws_has_accepted_the_restore(make: Callable[..., Plan]) -> None:
    requests = declared(make(Traffic.FROZEN))
    assert "accepted-inc-1" in before(requests, "api-gateway")
    assert before(requests, "accepted-inc-1") <= {"settings-inc-1"}
    assert requests["accepted-inc-1"].hooks.before_create


def test_what_the_freeze_waits_for_is_not_the_end_of_the_restore() -> None:
    assert "candidate-inc-1" not in before(declared(plan(Traffic.FROZEN)), "api-gateway")


def test_a_restore_from_latest_is_not_waited_for_by_the_freeze_that_it_waits_for() -> None:
    first = plan(Traffic.FROZEN, latest=True)
    requests = declared(first)
    assert "accepted-inc-1" not in before(requests, "api-gateway")
    assert "quiesced-inc-1" in before(requests, "accepted-inc-1")
    again = replace(first, candidate_found=CANDIDATE_INSTANCE, adopt="db-CANDIDATE")
    assert "accepted-inc-1" not in before(declared(again), "api-gateway")
    assert declared(again).keys() == requests.keys()


@pytest.mark.parametrize("make", [plan, of_dump])
def test_nothing_is_waited_for_on_the_way_back(make: Callable[..., Plan]) -> None:
    requests = declared(make(Traffic.SOURCE, switched=True), proved=True)
    assert not {"accepted-inc-1", "created-inc-1"} & before(requests, "serving-inc-1")


def test_a_candidate_that_is_there_is_imported_and_the_receipts_of_its_making_stay_as_they_are() -> None:
    first = declared(plan(Traffic.FROZEN))
    found = replace(plan(Traffic.FROZEN), candidate_found=CANDIDATE_INSTANCE, adopt="db-CANDIDATE")
    again = declared(found)
    assert again["candidate-inc-1"].importId == "db-CANDIDATE"
    for name in ("accepted-inc-1", "created-inc-1"):
        assert again[name].object == first[name].object


@pytest.mark.parametrize("make", [plan, of_dump])
def test_the_candidate_is_watched_while_the_plugin_waits_for_its_first_backup(make: Callable[..., Plan]) -> None:
    hooks = declared(make(Traffic.FROZEN))["candidate-inc-1"].hooks
    assert "watch-ghost-db-inc-1-begins" in hooks.before_create
    assert "watch-ghost-db-inc-1-ends" in hooks.after_create
    assert list(hooks.on_error) == ["watch-ghost-db-inc-1-fails"]
