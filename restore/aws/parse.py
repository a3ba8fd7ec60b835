"""RDS's answers (boto3's dicts) as this program's values, and settings as RDS's parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from restore.model.rds import AutomatedBackup, Endpoint, Instance, InstanceSettings, Snapshot

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBInstanceAutomatedBackupTypeDef, DBInstanceTypeDef, DBSnapshotTypeDef

AwsAnswer = Mapping[str, Any]
LEAVING = frozenset({"removing"})

MODIFY = {
    "instance_class": "DBInstanceClass",
    "db_subnet_group_name": "DBSubnetGroupName",
    "vpc_security_group_ids": "VpcSecurityGroupIds",
    "parameter_group_name": "DBParameterGroupName",
    "option_group_name": "OptionGroupName",
    "multi_az": "MultiAZ",
    "publicly_accessible": "PubliclyAccessible",
    "port": "DBPortNumber",
    "allocated_storage": "AllocatedStorage",
    "max_allocated_storage": "MaxAllocatedStorage",
    "storage_type": "StorageType",
    "iops": "Iops",
    "storage_throughput": "StorageThroughput",
    "iam_database_authentication_enabled": "EnableIAMDatabaseAuthentication",
    "performance_insights_enabled": "EnablePerformanceInsights",
    "performance_insights_kms_key_id": "PerformanceInsightsKMSKeyId",
    "performance_insights_retention_period": "PerformanceInsightsRetentionPeriod",
    "monitoring_interval": "MonitoringInterval",
    "monitoring_role_arn": "MonitoringRoleArn",
    "backup_window": "PreferredBackupWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
    "backup_retention_period": "BackupRetentionPeriod",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "ca_cert_identifier": "CACertificateIdentifier",
    "copy_tags_to_snapshot": "CopyTagsToSnapshot",
    "deletion_protection": "DeletionProtection",
}
"""Parameter of ModifyDBInstance by field; the log exports have a shape of their own."""


def utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def tags(listed: Sequence[Any] | None) -> dict[str, str]:
    return {str(tag.get("Key", "")): str(tag.get("Value", "")) for tag in listed or ()}


def endpoint(answer: AwsAnswer) -> Endpoint | None:
    """Returns where it answers; None while RDS hasn't given it an address."""
    address: AwsAnswer = answer.get("Endpoint") or {}
    if not address.get("Address"):
        return None
    return Endpoint(str(address["Address"]), int(address.get("Port") or 5432))


def _first(items: Sequence[AwsAnswer] | None, name: str) -> str | None:
    return str(items[0][name]) if items else None


def managed_secret(answer: AwsAnswer) -> str | None:
    """Returns where RDS keeps a master password of its own making."""
    kept: AwsAnswer = answer.get("MasterUserSecret") or {}
    return kept.get("SecretArn")


def settings(answer: AwsAnswer) -> InstanceSettings:
    """Returns what a restore must carry over, of a DBInstance. Security groups that are being removed don't count.

    RDS writes 0 for IOPS and throughput that a storage type doesn't have, and doesn't accept it back: None here.
    """
    groups = cast("Sequence[AwsAnswer]", answer.get("VpcSecurityGroups") or ())
    address = endpoint(answer)
    subnets: AwsAnswer = answer.get("DBSubnetGroup") or {}
    return InstanceSettings(
        instance_class=answer.get("DBInstanceClass"),
        db_subnet_group_name=subnets.get("DBSubnetGroupName"),
        vpc_security_group_ids=tuple(
            sorted(group["VpcSecurityGroupId"] for group in groups if group.get("Status") not in LEAVING)
        ),
        parameter_group_name=_first(answer.get("DBParameterGroups"), "DBParameterGroupName"),
        option_group_name=_first(answer.get("OptionGroupMemberships"), "OptionGroupName"),
        multi_az=answer.get("MultiAZ"),
        publicly_accessible=answer.get("PubliclyAccessible"),
        port=address.port if address else (answer.get("DbInstancePort") or None),
        allocated_storage=answer.get("AllocatedStorage"),
        max_allocated_storage=answer.get("MaxAllocatedStorage"),
        storage_type=answer.get("StorageType"),
        iops=answer.get("Iops") or None,
        storage_throughput=answer.get("StorageThroughput") or None,
        enabled_cloudwatch_logs_exports=tuple(sorted(answer.get("EnabledCloudwatchLogsExports") or ())),
        iam_database_authentication_enabled=answer.get("IAMDatabaseAuthenticationEnabled"),
        performance_insights_enabled=answer.get("PerformanceInsightsEnabled"),
        performance_insights_kms_key_id=answer.get("PerformanceInsightsKMSKeyId"),
        performance_insights_retention_period=answer.get("PerformanceInsightsRetentionPeriod"),
        monitoring_interval=answer.get("MonitoringInterval"),
        monitoring_role_arn=answer.get("MonitoringRoleArn"),
        backup_window=answer.get("PreferredBackupWindow"),
        maintenance_window=answer.get("PreferredMaintenanceWindow"),
        backup_retention_period=answer.get("BackupRetentionPeriod"),
        auto_minor_version_upgrade=answer.get("AutoMinorVersionUpgrade"),
        ca_cert_identifier=answer.get("CACertificateIdentifier"),
        copy_tags_to_snapshot=answer.get("CopyTagsToSnapshot"),
        deletion_protection=answer.get("DeletionProtection"),
    )


def instance(answer: DBInstanceTypeDef) -> Instance:
    """Reads a DBInstance of DescribeDBInstances."""
    fields = cast("AwsAnswer", answer)
    return Instance(
        identifier=str(fields["DBInstanceIdentifier"]),
        resource_id=str(fields["DbiResourceId"]),
        arn=str(fields.get("DBInstanceArn", "")),
        status=str(fields.get("DBInstanceStatus", "")),
        engine=str(fields.get("Engine", "")),
        engine_version=str(fields.get("EngineVersion", "")),
        endpoint=endpoint(fields),
        created=utc(fields.get("InstanceCreateTime")),
        latest_restorable=utc(fields.get("LatestRestorableTime")),
        settings=settings(fields),
        storage_encrypted=bool(fields.get("StorageEncrypted", False)),
        kms_key_id=fields.get("KmsKeyId"),
        master_user=fields.get("MasterUsername"),
        managed_secret=managed_secret(fields),
        pending=dict(cast("AwsAnswer", fields.get("PendingModifiedValues") or {})),
        tags=tags(fields.get("TagList")),
    )


def snapshot(answer: DBSnapshotTypeDef) -> Snapshot:
    """Reads a DBSnapshot of DescribeDBSnapshots."""
    fields = cast("AwsAnswer", answer)
    return Snapshot(
        identifier=str(fields["DBSnapshotIdentifier"]),
        arn=str(fields.get("DBSnapshotArn", "")),
        kind=str(fields.get("SnapshotType", "")),
        status=str(fields.get("Status", "")),
        engine=str(fields.get("Engine", "")),
        engine_version=str(fields.get("EngineVersion", "")),
        source_identifier=str(fields.get("DBInstanceIdentifier", "")),
        source_resource_id=str(fields.get("DbiResourceId", "")),
        created=utc(fields.get("OriginalSnapshotCreateTime") or fields.get("SnapshotCreateTime")),
        allocated_storage=int(fields.get("AllocatedStorage") or 0),
        storage_type=fields.get("StorageType"),
        iops=fields.get("Iops") or None,
        encrypted=bool(fields.get("Encrypted", False)),
        kms_key_id=fields.get("KmsKeyId"),
        percent=fields.get("PercentProgress"),
        tags=tags(fields.get("TagList")),
    )


def automated_backup(answer: DBInstanceAutomatedBackupTypeDef) -> AutomatedBackup:
    """Reads a DBInstanceAutomatedBackup; it knows less of the instance than the instance does."""
    fields = cast("AwsAnswer", answer)
    window: AwsAnswer = fields.get("RestoreWindow") or {}
    return AutomatedBackup(
        arn=str(fields.get("DBInstanceAutomatedBackupsArn", "")),
        source_identifier=str(fields.get("DBInstanceIdentifier", "")),
        source_resource_id=str(fields.get("DbiResourceId", "")),
        status=str(fields.get("Status", "")),
        engine=str(fields.get("Engine", "")),
        engine_version=str(fields.get("EngineVersion", "")),
        earliest=utc(window.get("EarliestTime")),
        latest=utc(window.get("LatestTime")),
        region=str(fields.get("Region", "")),
        settings=InstanceSettings(
            port=fields.get("Port") or None,
            allocated_storage=fields.get("AllocatedStorage"),
            storage_type=fields.get("StorageType"),
            iops=fields.get("Iops") or None,
            storage_throughput=fields.get("StorageThroughput") or None,
            option_group_name=fields.get("OptionGroupName"),
            multi_az=fields.get("MultiAZ"),
            iam_database_authentication_enabled=fields.get("IAMDatabaseAuthenticationEnabled"),
            backup_retention_period=fields.get("BackupRetentionPeriod"),
        ),
        storage_encrypted=bool(fields.get("Encrypted", False)),
        kms_key_id=fields.get("KmsKeyId"),
    )


def differences(settings: InstanceSettings, wanted: InstanceSettings) -> dict[str, tuple[Any, Any]]:
    """Returns (found, wanted) by name of the fields that `wanted` names (neither None nor empty) and that differ."""
    pairs = {item.name: (getattr(settings, item.name), getattr(wanted, item.name)) for item in fields(InstanceSettings)}
    return {name: (old, new) for name, (old, new) in pairs.items() if not satisfied(name, old, new)}


def satisfied(name: str, value: Any, wanted: Any) -> bool:
    """Storage can't shrink, so more of it is enough; lists have no order; RDS leaves out what is off."""
    if wanted is None or wanted == ():
        return True
    if name == "allocated_storage":
        return value is not None and value >= wanted
    if isinstance(wanted, tuple):
        return set(cast("tuple[str, ...]", wanted)) == set(cast("tuple[str, ...]", value or ()))
    return wanted == value or (not wanted and not value)


def modification(settings: InstanceSettings, wanted: InstanceSettings) -> dict[str, Any]:
    """Returns the parameters of ModifyDBInstance for what differs; empty when nothing does."""
    changed = differences(settings, wanted)
    parameters: dict[str, Any] = {
        MODIFY[name]: list(cast("Sequence[str]", new)) if isinstance(new, tuple) else new
        for name, (_, new) in changed.items()
        if name in MODIFY
    }
    if "enabled_cloudwatch_logs_exports" in changed:
        old, new = changed["enabled_cloudwatch_logs_exports"]
        parameters["CloudwatchLogsExportConfiguration"] = {
            "EnableLogTypes": sorted(set(new) - set(old)),
            "DisableLogTypes": sorted(set(old) - set(new)),
        }
    return parameters
