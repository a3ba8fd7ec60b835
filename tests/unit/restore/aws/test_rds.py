"""What RDS answers becomes what the rules judge: nothing is lost, invented or taken for something else."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest

from restore.aws import Aws, Rds, parse
from restore.errors import PermanentError
from restore.model.rds import Endpoint, InstanceSettings

MOMENT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)

DB_INSTANCE: dict[str, Any] = {
    "DBInstanceIdentifier": "prod-db",
    "DbiResourceId": "db-ABC",
    "DBInstanceArn": "arn:aws:rds:us-east-1:123456789012:db:prod-db",
    "DBInstanceStatus": "available",
    "DBInstanceClass": "db.r6g.large",
    "Engine": "postgres",
    "EngineVersion": "16.9",
    "Endpoint": {"Address": "prod-db.abc.us-east-1.rds.amazonaws.com", "Port": 5433, "HostedZoneId": "Z1"},
    "InstanceCreateTime": MOMENT,
    "LatestRestorableTime": MOMENT,
    "DBSubnetGroup": {"DBSubnetGroupName": "private"},
    "VpcSecurityGroups": [
        {"VpcSecurityGroupId": "sg-2", "Status": "active"},
        {"VpcSecurityGroupId": "sg-1", "Status": "active"},
        {"VpcSecurityGroupId": "sg-0", "Status": "removing"},
    ],
    "NetworkType": "DUAL",
    "DedicatedLogVolume": True,
    "DatabaseInsightsMode": "advanced",
    "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
    "DomainMemberships": [{"Domain": "d-9067012345", "Status": "joined", "IAMRoleName": "rds-directory"}],
    "AssociatedRoles": [
        {"RoleArn": "arn:aws:iam::123456789012:role/export", "FeatureName": "s3Export", "Status": "ACTIVE"},
        {"RoleArn": "arn:aws:iam::123456789012:role/lost", "FeatureName": "Lambda", "Status": "INVALID"},
    ],
    "DBParameterGroups": [{"DBParameterGroupName": "prod-pg16", "ParameterApplyStatus": "in-sync"}],
    "OptionGroupMemberships": [{"OptionGroupName": "default:postgres-16", "Status": "in-sync"}],
    "MultiAZ": True,
    "PubliclyAccessible": False,
    "AllocatedStorage": 100,
    "MaxAllocatedStorage": 500,
    "StorageType": "gp3",
    "Iops": 3000,
    "StorageThroughput": 125,
    "EnabledCloudwatchLogsExports": ["upgrade", "postgresql"],
    "IAMDatabaseAuthenticationEnabled": True,
    "PerformanceInsightsEnabled": True,
    "PerformanceInsightsKMSKeyId": "arn:kms:1",
    "PerformanceInsightsRetentionPeriod": 7,
    "MonitoringInterval": 60,
    "MonitoringRoleArn": "arn:role",
    "PreferredBackupWindow": "03:00-03:30",
    "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
    "BackupRetentionPeriod": 7,
    "AutoMinorVersionUpgrade": False,
    "CACertificateIdentifier": "rds-ca-rsa2048-g1",
    "CopyTagsToSnapshot": True,
    "DeletionProtection": True,
    "StorageEncrypted": True,
    "KmsKeyId": "arn:kms:2",
    "MasterUsername": "ghostadmin",
    "PendingModifiedValues": {"DBInstanceClass": "db.r6g.xlarge"},
    "TagList": [{"Key": "team", "Value": "data"}],
}


def instance(**changes: Any) -> Any:
    return parse.parse_instance(cast("Any", DB_INSTANCE | changes))


def test_every_setting_that_a_restore_must_carry_over_is_read_from_the_source() -> None:
    settings = instance().settings
    lost = [item.name for item in fields(InstanceSettings) if getattr(settings, item.name) in (None, ())]
    assert lost == []


def test_an_instance_is_known_by_its_resource_id_address_and_tags() -> None:
    found = instance()
    assert (found.identifier, found.resource_id) == ("prod-db", "db-ABC")
    assert found.endpoint == Endpoint("prod-db.abc.us-east-1.rds.amazonaws.com", 5433)
    assert found.tags == {"team": "data"}
    assert found.pending == {"DBInstanceClass": "db.r6g.xlarge"}
    assert found.storage_encrypted
    assert found.kms_key_id == "arn:kms:2"


def test_an_instance_that_is_being_created_has_no_endpoint_yet() -> None:
    found = instance(Endpoint={}, DbInstancePort=0, LatestRestorableTime=None)
    assert found.endpoint is None
    assert found.settings.port is None
    assert found.latest_restorable is None


def test_a_security_group_that_is_being_removed_is_not_carried_over() -> None:
    assert instance().settings.vpc_security_group_ids == ("sg-1", "sg-2")


def test_an_order_of_answers_is_never_a_difference() -> None:
    turned = instance(
        VpcSecurityGroups=list(reversed(DB_INSTANCE["VpcSecurityGroups"])),
        EnabledCloudwatchLogsExports=["postgresql", "upgrade"],
    )
    assert parse.find_differences(instance().settings, turned.settings) == {}


def test_a_throughput_of_zero_is_none_because_rds_does_not_accept_it_back() -> None:
    assert instance(StorageThroughput=0, Iops=0).settings == replace(
        instance().settings, storage_throughput=None, iops=None
    )


def test_times_are_utc_whatever_the_answer_says() -> None:
    local = MOMENT.astimezone(timezone(timedelta(hours=2)))
    assert instance(LatestRestorableTime=local).latest_restorable.utcoffset() == timedelta(0)


SNAPSHOT: dict[str, Any] = {
    "DBSnapshotIdentifier": "copied",
    "DBSnapshotArn": "arn:aws:rds:us-east-1:123456789012:snapshot:copied",
    "SnapshotType": "manual",
    "Status": "available",
    "Engine": "postgres",
    "EngineVersion": "16.9",
    "DBInstanceIdentifier": "prod-db",
    "DbiResourceId": "db-ABC",
    "SnapshotCreateTime": MOMENT + timedelta(days=1),
    "OriginalSnapshotCreateTime": MOMENT,
    "AllocatedStorage": 100,
    "Encrypted": True,
    "PercentProgress": 100,
}


def test_a_copied_snapshot_keeps_the_time_of_its_data() -> None:
    assert parse.parse_snapshot(cast("Any", SNAPSHOT)).created == MOMENT


def test_a_snapshot_still_in_creation_has_no_time() -> None:
    young = {name: value for name, value in SNAPSHOT.items() if "CreateTime" not in name}
    assert parse.parse_snapshot(cast("Any", young | {"Status": "creating"})).created is None


def test_a_retained_backup_says_whose_it_is_and_its_window() -> None:
    found = parse.parse_automated_backup(
        cast(
            "Any",
            {
                "DBInstanceAutomatedBackupsArn": "arn:auto",
                "DBInstanceIdentifier": "prod-db",
                "DbiResourceId": "db-ABC",
                "Status": "retained",
                "RestoreWindow": {"EarliestTime": MOMENT, "LatestTime": MOMENT + timedelta(hours=1)},
                "Region": "us-east-1",
                "Port": 5432,
                "AllocatedStorage": 100,
            },
        )
    )
    assert (found.status, found.source_resource_id) == ("retained", "db-ABC")
    assert (found.earliest, found.latest) == (MOMENT, MOMENT + timedelta(hours=1))
    assert found.settings.instance_class is None


def test_a_backup_without_a_window_yet_has_none() -> None:
    found = parse.parse_automated_backup(cast("Any", {"Status": "pending", "RestoreWindow": {}}))
    assert (found.earliest, found.latest) == (None, None)


def test_only_what_differs_is_modified() -> None:
    wanted = replace(instance().settings, backup_retention_period=14, deletion_protection=None)
    assert parse.build_modification(instance().settings, wanted) == {"BackupRetentionPeriod": 14}


def test_a_setting_turned_off_is_a_difference_and_not_nothing() -> None:
    wanted = InstanceSettings(deletion_protection=False, monitoring_interval=0)
    assert parse.build_modification(instance().settings, wanted) == {
        "DeletionProtection": False,
        "MonitoringInterval": 0,
    }


def test_log_exports_are_sent_as_what_to_enable_and_to_disable() -> None:
    found = InstanceSettings(enabled_cloudwatch_logs_exports=("upgrade",))
    wanted = InstanceSettings(enabled_cloudwatch_logs_exports=("postgresql",))
    assert parse.build_modification(found, wanted) == {
        "CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["postgresql"], "DisableLogTypes": ["upgrade"]}
    }


def test_security_groups_are_sent_as_a_list() -> None:
    wanted = InstanceSettings(vpc_security_group_ids=("sg-9",))
    assert parse.build_modification(InstanceSettings(), wanted) == {"VpcSecurityGroupIds": ["sg-9"]}


@pytest.mark.parametrize("name", [item.name for item in fields(InstanceSettings) if item.name != "associated_roles"])
def test_every_setting_can_be_corrected_on_a_candidate(name: str) -> None:
    """A setting without a parameter of ModifyDBInstance would be found different for ever."""
    value: Any = ("a",) if name in {"vpc_security_group_ids", "enabled_cloudwatch_logs_exports"} else "a"
    assert parse.build_modification(InstanceSettings(), InstanceSettings(**{name: value}))


def test_the_parameters_are_those_of_the_api() -> None:
    import boto3

    untyped = cast("Any", boto3)
    client = untyped.client("rds", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    known = client.meta.service_model.operation_model("ModifyDBInstance").input_shape.members
    assert set(parse.MODIFY.values()) <= set(known)


def test_a_modification_of_one_setting_never_asks_for_less_storage_along_with_it() -> None:
    grown = InstanceSettings(allocated_storage=120, multi_az=False)
    wanted = InstanceSettings(allocated_storage=100, multi_az=True)
    assert parse.build_modification(grown, wanted) == {"MultiAZ": True}


def test_another_order_of_a_list_is_no_difference() -> None:
    found = InstanceSettings(vpc_security_group_ids=("sg-2", "sg-1"))
    assert parse.find_differences(found, InstanceSettings(vpc_security_group_ids=("sg-1", "sg-2"))) == {}


@pytest.mark.parametrize(
    ("name", "found", "wanted"),
    [
        ("maintenance_window", "sun:05:00-sun:06:00", "Sun:05:00-Sun:06:00"),
        ("parameter_group_name", "prod-pg16", "Prod-PG16"),
        ("performance_insights_kms_key_id", "arn:aws:kms:us-east-1:1:key/k-1", "k-1"),
        ("associated_roles", ("a=1", "b=2"), ("b=2",)),
    ],
)
def test_a_setting_that_rds_writes_in_its_own_way_is_no_difference(name: str, found: object, wanted: object) -> None:
    """It would be changed again at every run, and waited for until the deadline."""
    before, after = (replace(InstanceSettings(), **{name: value}) for value in cast("Any", (found, wanted)))
    assert parse.find_differences(before, after) == {}


@pytest.mark.parametrize(
    ("name", "found", "wanted"),
    [
        ("monitoring_role_arn", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/A"),
        ("performance_insights_kms_key_id", "arn:aws:kms:us-east-1:1:key/k-1", "k-2"),
        ("associated_roles", ("a=1",), ("b=2",)),
    ],
)
def test_what_differs_is_found(name: str, found: object, wanted: object) -> None:
    before, after = (replace(InstanceSettings(), **{name: value}) for value in cast("Any", (found, wanted)))
    assert set(parse.find_differences(before, after)) == {name}


def test_one_part_of_a_pair_is_never_sent_alone() -> None:
    found = InstanceSettings(monitoring_interval=0, monitoring_role_arn="arn:role")
    wanted = InstanceSettings(monitoring_interval=60, monitoring_role_arn="arn:role")
    assert parse.build_modification(found, wanted) == {"MonitoringInterval": 60, "MonitoringRoleArn": "arn:role"}


def test_a_change_that_we_have_queued_ourselves_is_nobody_else_s() -> None:
    ours = InstanceSettings(multi_az=True, iops=3000, enabled_cloudwatch_logs_exports=("postgresql",))
    exports = {"LogTypesToEnable": ["postgresql"], "LogTypesToDisable": ["upgrade"]}
    waiting = {"MultiAZ": True, "Iops": 3000, "MasterUserPassword": "****", "PendingCloudwatchLogsExports": exports}
    assert parse.find_foreign_pending(waiting, ours) == []
    others = {"MultiAZ": False, "EngineVersion": "17.11", "DBInstanceClass": "db.r6g.large"}
    assert parse.find_foreign_pending(others, ours) == ["DBInstanceClass", "EngineVersion", "MultiAZ"]


def test_settings_that_rds_judges_together_are_sent_together() -> None:
    names = ["multi_az", "iops", "storage_type", "monitoring_interval"]
    assert parse.group_settings(names) == [("storage_type", "iops"), ("monitoring_interval",), ("multi_az",)]


def test_static_parameters_replicas_and_a_cluster_are_read() -> None:
    waiting = [{"DBParameterGroupName": "prod-pg16", "ParameterApplyStatus": "pending-reboot"}]
    found = instance(
        DBParameterGroups=waiting, ReadReplicaDBInstanceIdentifiers=["prod-db-reader"], DBClusterIdentifier="prod"
    )
    assert (found.parameters_pending_reboot, found.replicas, found.db_cluster) == (True, ("prod-db-reader",), "prod")
    assert not instance().parameters_pending_reboot


class Client:
    """RDS, in which a name may move between a look-up and a call."""

    def __init__(self, renamed: str, **changes: Any):
        self.renamed = renamed
        self.shape: dict[str, Any] = {**DB_INSTANCE, "PendingModifiedValues": {}, **changes}
        self.calls: list[dict[str, Any]] = []

    def get_paginator(self, _name: str) -> Client:
        return self

    def paginate(self, **_parameters: Any) -> list[Any]:
        return [{"DBInstances": [self.shape]}]

    def modify_db_instance(self, **parameters: Any) -> Any:
        self.calls.append(parameters)
        return {"DBInstance": {"DbiResourceId": self.renamed}}


def rds_over(client: Client) -> Rds:
    aws = Aws("us-east-1")
    aws.open_client = lambda service: client  # type: ignore[method-assign]
    return Rds(aws)


def test_a_rename_is_of_the_instance_that_was_meant_or_says_which_other_it_was() -> None:
    client = Client("db-ABC")
    assert rds_over(client).rename("db-ABC", "prod-db-before-inc-1") == "prod-db"
    named = {"DBInstanceIdentifier": "prod-db", "NewDBInstanceIdentifier": "prod-db-before-inc-1"}
    assert client.calls == [{**named, "ApplyImmediately": True}]
    with pytest.raises(PermanentError, match="moved from db-ABC to db-OTHER"):
        rds_over(Client("db-OTHER")).rename("db-ABC", "prod-db-before-inc-1")


def test_a_rename_applies_nobody_else_s_changes_unless_a_person_says_so() -> None:
    client = Client("db-ABC", PendingModifiedValues={"EngineVersion": "17.1"})
    with pytest.raises(PermanentError, match="EngineVersion"):
        rds_over(client).rename("db-ABC", "prod-db-old")
    assert client.calls == []
    assert rds_over(client).rename("db-ABC", "prod-db-old", {"prod-db"}) == "prod-db"
