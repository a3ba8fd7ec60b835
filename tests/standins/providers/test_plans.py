"""What a change of inputs does to an instance, and which requests inputs become: facts about the AWS provider."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import get_session

from sandbox.standins.aws import requests
from sandbox.standins.aws.input_checks import checked, instance_problems
from sandbox.standins.aws.input_diff import difference
from sandbox.standins.aws.outputs import inputs_of, instance
from sandbox.standins.aws.property_schema import INSTANCE
from sandbox.standins.aws.provider_config import problems, settings
from sandbox.standins.plugin.interface import Call, Checked, Difference
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, secret

URN = "urn:pulumi:test::restore::aws:rds/instance:Instance::candidate"
BASE: Properties = {"identifier": "shop-1", "instanceClass": "db.r6g.large", "__defaults": []}
WINDOW = {"restoreTime": "2026-11-22T14:30:00Z", "sourceDbiResourceId": "db-SOURCE"}


def diff(state: Properties, news: Properties, ignored: tuple[str, ...] = ()) -> Difference:
    return difference(INSTANCE, {**BASE, **state}, {**BASE, **news}, ignored, names=("identifier",))


def test_a_changed_snapshot_deletes_the_original_first_when_the_name_stays() -> None:
    found = diff({"snapshotIdentifier": "a"}, {"snapshotIdentifier": "b"})
    assert found == Difference({"snapshotIdentifier": "UPDATE_REPLACE"}, delete_first=True)
    made_up = diff({"snapshotIdentifier": "a"}, {"snapshotIdentifier": "b", "__defaults": ["identifier"]})
    assert not made_up.delete_first


def test_an_adopted_instance_would_be_replaced_for_its_recovery_point() -> None:
    assert diff({}, {"snapshotIdentifier": "a"}).replaces == ["snapshotIdentifier"]
    assert diff({}, {"restoreToPointInTime": WINDOW}).replaces == ["restoreToPointInTime"]
    assert diff({}, {"snapshotIdentifier": "a"}, ("snapshotIdentifier",)) == Difference()


def test_a_removed_snapshot_is_no_change_and_a_removed_point_in_time_replaces() -> None:
    assert diff({"snapshotIdentifier": "a"}, {}) == Difference()
    assert diff({"restoreToPointInTime": WINDOW}, {}).replaces == ["restoreToPointInTime"]


def test_another_time_is_an_update_that_restores_nothing() -> None:
    news = {"restoreToPointInTime": {**WINDOW, "restoreTime": "2026-11-22T15:00:00Z"}}
    found = diff({"restoreToPointInTime": WINDOW}, news)
    assert (found.detailed, found.replaces) == ({"restoreToPointInTime.restoreTime": "UPDATE"}, [])
    request = requests.modification({"restoreToPointInTime"}, BASE, {**BASE, **news})
    assert request == {"DBInstanceIdentifier": "shop-1", "ApplyImmediately": False, "DeletionProtection": False}


def test_a_new_name_is_an_update_in_place() -> None:
    assert diff({}, {"identifier": "shop-2"}) == Difference({"identifier": "UPDATE"})
    request = requests.modification({"identifier"}, BASE, {**BASE, "identifier": "shop-2", "applyImmediately": True})
    assert request["DBInstanceIdentifier"] == "shop-1"
    assert request["NewDBInstanceIdentifier"] == "shop-2"


@pytest.mark.parametrize("key", ["engine", "username", "dbName", "kmsKeyId", "availabilityZone"])
def test_what_forces_a_replacement_when_changed_but_not_when_left_out(key: str) -> None:
    assert diff({key: "one"}, {key: "two"}).replaces == [key]
    assert diff({key: "one"}, {}) == Difference()


def test_an_encrypted_instance_is_replaced_when_encryption_is_left_out() -> None:
    assert diff({"storageEncrypted": True}, {}).replaces == ["storageEncrypted"]


def test_what_is_left_out_falls_back_only_where_aws_does_not_compute_it() -> None:
    assert diff({"deletionProtection": True}, {}).detailed == {"deletionProtection": "DELETE"}
    assert diff({"backupRetentionPeriod": 7, "multiAz": True, "caCertIdentifier": "x"}, {}) == Difference()


def test_zero_and_absent_are_the_same() -> None:
    assert diff({"iops": 0, "deletionProtection": False}, {"iops": 0}) == Difference()
    assert diff({"tags": {}}, {}) == Difference()


def test_drift_shows_against_the_state() -> None:
    assert diff({"backupRetentionPeriod": 1}, {"backupRetentionPeriod": 7}).detailed == {
        "backupRetentionPeriod": "UPDATE"
    }


def test_order_and_letter_case_are_no_change() -> None:
    state = {"vpcSecurityGroupIds": ["b", "a"], "maintenanceWindow": "sun:05:00-sun:06:00"}
    news = {"vpcSecurityGroupIds": ["a", "b"], "maintenanceWindow": "Sun:05:00-Sun:06:00"}
    assert diff(state, news) == Difference()


def test_an_unknown_input_is_a_change() -> None:
    assert diff({"snapshotIdentifier": "a"}, {"snapshotIdentifier": UNKNOWN}).replaces == ["snapshotIdentifier"]


def test_tags_differ_one_by_one() -> None:
    found = diff({"tags": {"a": "1", "b": "2"}}, {"tags": {"a": "1", "b": "3", "c": "4"}})
    assert found.detailed == {"tags.b": "UPDATE", "tags.c": "ADD"}


FULL: Properties = {
    **BASE,
    "allocatedStorage": 100,
    "backupRetentionPeriod": 7,
    "backupWindow": "03:00-03:30",
    "dbSubnetGroupName": "private",
    "deletionProtection": True,
    "enabledCloudwatchLogsExports": ["postgresql"],
    "engineVersion": "17",
    "iamDatabaseAuthenticationEnabled": True,
    "maintenanceWindow": "sun:05:00-sun:06:00",
    "monitoringInterval": 60,
    "monitoringRoleArn": "arn:role",
    "multiAz": True,
    "parameterGroupName": "tuned",
    "password": "not-a-real-one",
    "performanceInsightsEnabled": True,
    "performanceInsightsRetentionPeriod": 7,
    "storageType": "gp3",
    "tags": {"incident": "1"},
    "vpcSecurityGroupIds": ["sg-1", "sg-2"],
}


def test_a_snapshot_restore_modifies_afterwards_what_its_api_does_not_take() -> None:
    plan = requests.creation({**FULL, "snapshotIdentifier": "rds:shop-2026"})
    assert plan.operation == "RestoreDBInstanceFromDBSnapshot"
    assert plan.request["DBSnapshotIdentifier"] == "rds:shop-2026"
    assert plan.request["DBParameterGroupName"] == "tuned"
    assert plan.request["EnableCloudwatchLogsExports"] == ["postgresql"]
    assert plan.request["Tags"] == [{"Key": "incident", "Value": "1"}]
    assert plan.later == {
        "DBInstanceIdentifier": "shop-1",
        "ApplyImmediately": True,
        "AllocatedStorage": 100,
        "BackupRetentionPeriod": 7,
        "EnablePerformanceInsights": True,
        "EngineVersion": "17",
        "MasterUserPassword": "not-a-real-one",
        "MonitoringInterval": 60,
        "MonitoringRoleArn": "arn:role",
        "PerformanceInsightsRetentionPeriod": 7,
        "PreferredBackupWindow": "03:00-03:30",
        "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
        "StorageType": "gp3",
    }


def test_a_snapshot_restore_without_more_needs_no_modification() -> None:
    assert requests.creation({**BASE, "snapshotIdentifier": "a", "multiAz": True}).later == {}
    later = requests.creation({**BASE, "snapshotIdentifier": "a", "backupRetentionPeriod": 0}).later
    assert later["BackupRetentionPeriod"] == 0


def test_a_point_in_time_restore_forgets_retention_windows_version_insights_storage_and_password() -> None:
    plan = requests.creation({**FULL, "restoreToPointInTime": WINDOW})
    assert plan.operation == "RestoreDBInstanceToPointInTime"
    assert plan.request["RestoreTime"] == datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    assert plan.request["SourceDbiResourceId"] == "db-SOURCE"
    assert plan.request["TargetDBInstanceIdentifier"] == "shop-1"
    assert plan.request["StorageType"] == "gp3"
    forgotten = {"AllocatedStorage", "BackupRetentionPeriod", "PreferredBackupWindow", "EngineVersion"}
    forgotten |= {"PreferredMaintenanceWindow", "EnablePerformanceInsights", "MasterUserPassword"}
    assert not forgotten & (plan.request.keys() | plan.later.keys())
    assert set(plan.later) == {"DBInstanceIdentifier", "ApplyImmediately", "MonitoringInterval", "MonitoringRoleArn"}


def test_a_fresh_instance_needs_storage_engine_and_user() -> None:
    assert requests.missing_for_fresh(BASE) == [
        '"allocated_storage": required field is not set',
        '"engine": required field is not set',
        '"username": required field is not set',
    ]
    assert requests.missing_for_fresh({**BASE, "snapshotIdentifier": "a"}) == []


def test_a_modification_applies_in_the_window_unless_told_otherwise() -> None:
    request = requests.modification({"instanceClass"}, BASE, {**BASE, "instanceClass": "db.r6g.xlarge"})
    assert request["ApplyImmediately"] is False
    assert request["DBInstanceClass"] == "db.r6g.xlarge"


def test_no_changed_input_is_lost_on_the_way_to_aws() -> None:
    handled = requests.MODIFY_NAMES.keys() | requests.NEVER_MODIFIED | {"deletionProtection", "applyImmediately"}
    handled |= {"enabledCloudwatchLogsExports", "identifierPrefix", "restoreToPointInTime"}
    changeable = {key for key, declared in INSTANCE.items() if declared.input and not declared.force_new}
    assert changeable <= handled


def test_settings_of_the_program_alone_are_no_modification() -> None:
    assert requests.modification({"skipFinalSnapshot", "finalSnapshotIdentifier", "tags"}, BASE, BASE) == {}


def test_what_is_left_out_is_switched_off() -> None:
    state = {**BASE, "iamDatabaseAuthenticationEnabled": True}
    request = requests.modification({"iamDatabaseAuthenticationEnabled"}, state, BASE)
    assert request["EnableIAMDatabaseAuthentication"] is False


def taken(operation: str) -> set[str]:
    """The parameters that the API's own model knows."""
    shape: Any = get_session().get_service_model("rds").operation_model(operation).input_shape
    return set(shape.members)


def test_every_request_is_one_that_rds_knows() -> None:
    names = requests.CREATE_NAMES
    assert set(names.values()) <= taken("CreateDBInstance")
    assert {names[key] for key in requests.SNAPSHOT_TAKES} <= taken("RestoreDBInstanceFromDBSnapshot")
    assert {names[key] for key in requests.POINT_IN_TIME_TAKES} <= taken("RestoreDBInstanceToPointInTime")
    assert set(requests.MODIFY_NAMES.values()) <= taken("ModifyDBInstance")
    later = requests.SNAPSHOT_LATER | requests.POINT_IN_TIME_LATER
    assert {names[key] for key in later} <= taken("ModifyDBInstance")
    changed = requests.modification(INSTANCE.keys(), BASE, {**FULL, "iops": 3000, "port": 5433})
    assert changed.keys() <= taken("ModifyDBInstance")
    for recovery_point in ({}, {"snapshotIdentifier": "a"}, {"restoreToPointInTime": WINDOW}):
        plan = requests.creation({**FULL, **recovery_point})
        assert plan.request.keys() <= taken(plan.operation)


def test_log_exports_are_switched_by_difference() -> None:
    old, new = (
        {**BASE, "enabledCloudwatchLogsExports": ["upgrade"]},
        {**BASE, "enabledCloudwatchLogsExports": ["postgresql"]},
    )
    request = requests.modification({"enabledCloudwatchLogsExports"}, old, new)
    wanted = {"EnableLogTypes": ["postgresql"], "DisableLogTypes": ["upgrade"]}
    assert request["CloudwatchLogsExportConfiguration"] == wanted


def test_deletion_takes_the_automated_backups_along_unless_told_otherwise() -> None:
    assert requests.deletion({**BASE, "skipFinalSnapshot": True})["DeleteAutomatedBackups"] is True
    with pytest.raises(ValueError, match="final_snapshot_identifier is required when skip_final_snapshot is false"):
        requests.deletion(BASE)


def check(inputs: Properties, old: Properties | None = None) -> Checked:
    call = Call(urn=URN, raw=inputs, raw_old_inputs=old or {}, seed=b"seed")
    return checked(INSTANCE, call, {"team": "data"}, instance_problems, "us-east-1", named="identifier")


def test_defaults_are_filled_in_and_named() -> None:
    found = check({"instanceClass": "db.t4g.micro", "tags": {"a": "1"}})
    assert not found.failures
    assert found.inputs["deleteAutomatedBackups"] is True
    assert found.inputs["skipFinalSnapshot"] is False
    assert found.inputs["tags"] == {"team": "data", "a": "1"}
    assert found.inputs["identifier"].startswith("candidate-")
    assert "identifier" in found.inputs["__defaults"]


def test_a_made_up_name_is_kept() -> None:
    first = check({"instanceClass": "x"}).inputs
    call = Call(urn=URN, raw={"instanceClass": "x"}, raw_old_inputs=first, seed=b"another")
    assert (
        checked(INSTANCE, call, {}, instance_problems, "us-east-1", named="identifier").inputs["identifier"]
        == first["identifier"]
    )


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, 'Missing required argument. The argument "instance_class" is required'),
        ({"identifier": "A--b-"}, '"identifier" cannot contain two consecutive hyphens'),
        ({"identifier": "1x"}, 'first character of "identifier" must be a letter'),
        ({"finalSnapshotIdentifier": "x-"}, "invalid value for final_snapshot_identifier (cannot end in a hyphen)"),
        ({"backupRetentionPeriod": 36}, "expected backup_retention_period to be in the range (0 - 35), got 36"),
        ({"monitoringInterval": 7}, "expected monitoring_interval to be one of [0 1 5 10 15 30 60], got 7"),
        ({"enabledCloudwatchLogsExports": ["psql"]}, "got psql"),
        ({"snapshotIdentifier": "a", "restoreToPointInTime": WINDOW}, "conflicts with snapshot_identifier"),
        ({"restoreToPointInTime": {"restoreTime": "yesterday"}}, "RFC3339"),
        ({"restoreToPointInTime": {"restoreTime": "2026-11-22T14:30:00"}}, "RFC3339"),
        ({"replicateSourceDb": "x"}, "stand-in provider has no property replicateSourceDb"),
        ({"region": "eu-west-1"}, "stand-in provider serves us-east-1 alone"),
        ({"address": "x"}, "stand-in provider has no property address"),
    ],
)
def test_mistakes_are_refused_before_anything_is_made(inputs: Properties, reason: str) -> None:
    given = {"instanceClass": "db.t4g.micro", **inputs} if inputs else {}
    assert any(reason in failure.reason for failure in check(given).failures), check(given).failures


def test_secrets_stay_wrapped_through_check() -> None:
    assert check({"instanceClass": "x", "password": secret("p")}).inputs["password"] == secret("p")


def test_a_read_never_tells_the_snapshot_and_keeps_the_short_version() -> None:
    found = {"DBInstanceIdentifier": "shop-1", "EngineVersion": "17.10", "DbiResourceId": "db-X"}
    state = instance(found, {"engineVersion": "17", "snapshotIdentifier": "a", "password": "p"}, "us-east-1")
    assert (state["engineVersion"], state["engineVersionActual"]) == ("17", "17.10")
    assert (state["snapshotIdentifier"], state["password"]) == ("a", "p")
    imported = instance(found, {}, "us-east-1")
    assert imported["engineVersion"] == "17.10"
    assert "snapshotIdentifier" not in imported


def test_inputs_follow_the_state_on_refresh_and_are_told_whole_on_import() -> None:
    state = {**BASE, "multiAz": True, "port": 5432, "address": "127.0.0.9", "iops": 0}
    assert inputs_of(INSTANCE, state, {"multiAz": False, "__defaults": ["x"]}) == {"multiAz": True, "__defaults": ["x"]}
    imported = inputs_of(INSTANCE, state, {})
    assert imported == {"identifier": "shop-1", "instanceClass": "db.r6g.large", "multiAz": True, "port": 5432} | {
        "__defaults": []
    }


LOCAL = '[{"rds": "http://127.9.9.9:4566"}]'


def test_only_a_loopback_endpoint_is_spoken_to() -> None:
    assert problems({"region": "us-east-1", "endpoints": LOCAL}, {}) == []
    assert "none is configured for rds" in problems({"region": "us-east-1"}, {})[0].reason
    real = {"region": "us-east-1", "endpoints": '[{"rds": "https://rds.us-east-1.amazonaws.com"}]'}
    assert "loopback endpoint only" in problems(real, {})[0].reason
    assert problems({"region": "us-east-1"}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}) == []


def test_a_setting_that_is_not_honoured_is_refused() -> None:
    config = {"region": "us-east-1", "endpoints": LOCAL}
    for name, value in (("assumeRoles", '[{"roleArn": "x", "policy": "y"}]'), ("useFipsEndpoint", "true")):
        assert [failure.property for failure in problems({**config, name: value}, {})] == [name]
    assert problems({**config, "assumeRoles": '[{"roleArn": "x", "sessionName": "y"}]'}, {}) == []


def test_settings_are_read_from_json_texts() -> None:
    config = {"endpoints": LOCAL, "region": "eu-west-1", "defaultTags": '{"tags": {"a": "1"}}', "maxRetries": "3"}
    found = settings(config, {})
    assert (found.endpoint, found.region, found.attempts) == ("http://127.9.9.9:4566", "eu-west-1", 3)
    assert found.default_tags == {"a": "1"}
