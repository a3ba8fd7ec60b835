"""RDS's answers (boto3's dicts) as this program's values, and settings as RDS's parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from restore.model.rds import AutomatedBackup, Endpoint, Instance, InstanceSettings, Snapshot

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBInstanceAutomatedBackupTypeDef, DBInstanceTypeDef, DBSnapshotTypeDef

Json = Mapping[str, Any]
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


def tags(found: Sequence[Any] | None) -> dict[str, str]:
    return {str(tag.get("Key", "")): str(tag.get("Value", "")) for tag in found or ()}


def endpoint(found: Json) -> Endpoint | None:
    """Where it answers; None while RDS hasn't given it an address."""
    address: Json = found.get("Endpoint") or {}
    if not address.get("Address"):
        return None
    return Endpoint(str(address["Address"]), int(address.get("Port") or 5432))


def _first(items: Sequence[Json] | None, name: str) -> str | None:
    return str(items[0][name]) if items else None


def managed_secret(found: Json) -> str | None:
    """Where RDS keeps a master password of its own making."""
    kept: Json = found.get("MasterUserSecret") or {}
    return kept.get("SecretArn")


def settings(found: Json) -> InstanceSettings:
    """What a restore must carry over, of a DBInstance. Security groups that are being removed don't count.

    RDS writes 0 for IOPS and throughput that a storage type doesn't have, and doesn't accept it back: None here.
    """
    groups = cast("Sequence[Json]", found.get("VpcSecurityGroups") or ())
    address = endpoint(found)
    subnets: Json = found.get("DBSubnetGroup") or {}
    return InstanceSettings(
        instance_class=found.get("DBInstanceClass"),
        db_subnet_group_name=subnets.get("DBSubnetGroupName"),
        vpc_security_group_ids=tuple(
            sorted(group["VpcSecurityGroupId"] for group in groups if group.get("Status") not in LEAVING)
        ),
        parameter_group_name=_first(found.get("DBParameterGroups"), "DBParameterGroupName"),
        option_group_name=_first(found.get("OptionGroupMemberships"), "OptionGroupName"),
        multi_az=found.get("MultiAZ"),
        publicly_accessible=found.get("PubliclyAccessible"),
        port=address.port if address else (found.get("DbInstancePort") or None),
        allocated_storage=found.get("AllocatedStorage"),
        max_allocated_storage=found.get("MaxAllocatedStorage"),
        storage_type=found.get("StorageType"),
        iops=found.get("Iops") or None,
        storage_throughput=found.get("StorageThroughput") or None,
        enabled_cloudwatch_logs_exports=tuple(sorted(found.get("EnabledCloudwatchLogsExports") or ())),
        iam_database_authentication_enabled=found.get("IAMDatabaseAuthenticationEnabled"),
        performance_insights_enabled=found.get("PerformanceInsightsEnabled"),
        performance_insights_kms_key_id=found.get("PerformanceInsightsKMSKeyId"),
        performance_insights_retention_period=found.get("PerformanceInsightsRetentionPeriod"),
        monitoring_interval=found.get("MonitoringInterval"),
        monitoring_role_arn=found.get("MonitoringRoleArn"),
        backup_window=found.get("PreferredBackupWindow"),
        maintenance_window=found.get("PreferredMaintenanceWindow"),
        backup_retention_period=found.get("BackupRetentionPeriod"),
        auto_minor_version_upgrade=found.get("AutoMinorVersionUpgrade"),
        ca_cert_identifier=found.get("CACertificateIdentifier"),
        copy_tags_to_snapshot=found.get("CopyTagsToSnapshot"),
        deletion_protection=found.get("DeletionProtection"),
    )


def instance(answer: DBInstanceTypeDef) -> Instance:
    """A DBInstance of DescribeDBInstances."""
    found = cast("Json", answer)
    return Instance(
        identifier=str(found["DBInstanceIdentifier"]),
        resource_id=str(found["DbiResourceId"]),
        arn=str(found.get("DBInstanceArn", "")),
        status=str(found.get("DBInstanceStatus", "")),
        engine=str(found.get("Engine", "")),
        engine_version=str(found.get("EngineVersion", "")),
        endpoint=endpoint(found),
        created=utc(found.get("InstanceCreateTime")),
        latest_restorable=utc(found.get("LatestRestorableTime")),
        settings=settings(found),
        storage_encrypted=bool(found.get("StorageEncrypted", False)),
        kms_key_id=found.get("KmsKeyId"),
        master_user=found.get("MasterUsername"),
        managed_secret=managed_secret(found),
        pending=dict(cast("Json", found.get("PendingModifiedValues") or {})),
        tags=tags(found.get("TagList")),
    )


def snapshot(answer: DBSnapshotTypeDef) -> Snapshot:
    """A DBSnapshot of DescribeDBSnapshots."""
    found = cast("Json", answer)
    return Snapshot(
        identifier=str(found["DBSnapshotIdentifier"]),
        arn=str(found.get("DBSnapshotArn", "")),
        kind=str(found.get("SnapshotType", "")),
        status=str(found.get("Status", "")),
        engine=str(found.get("Engine", "")),
        engine_version=str(found.get("EngineVersion", "")),
        source_identifier=str(found.get("DBInstanceIdentifier", "")),
        source_resource_id=str(found.get("DbiResourceId", "")),
        created=utc(found.get("OriginalSnapshotCreateTime") or found.get("SnapshotCreateTime")),
        allocated_storage=int(found.get("AllocatedStorage") or 0),
        storage_type=found.get("StorageType"),
        iops=found.get("Iops") or None,
        encrypted=bool(found.get("Encrypted", False)),
        kms_key_id=found.get("KmsKeyId"),
        percent=found.get("PercentProgress"),
        tags=tags(found.get("TagList")),
    )


def automated_backup(answer: DBInstanceAutomatedBackupTypeDef) -> AutomatedBackup:
    """A DBInstanceAutomatedBackup; it knows less of the instance than the instance does."""
    found = cast("Json", answer)
    window: Json = found.get("RestoreWindow") or {}
    return AutomatedBackup(
        arn=str(found.get("DBInstanceAutomatedBackupsArn", "")),
        source_identifier=str(found.get("DBInstanceIdentifier", "")),
        source_resource_id=str(found.get("DbiResourceId", "")),
        status=str(found.get("Status", "")),
        engine=str(found.get("Engine", "")),
        engine_version=str(found.get("EngineVersion", "")),
        earliest=utc(window.get("EarliestTime")),
        latest=utc(window.get("LatestTime")),
        region=str(found.get("Region", "")),
        settings=InstanceSettings(
            port=found.get("Port") or None,
            allocated_storage=found.get("AllocatedStorage"),
            storage_type=found.get("StorageType"),
            iops=found.get("Iops") or None,
            storage_throughput=found.get("StorageThroughput") or None,
            option_group_name=found.get("OptionGroupName"),
            multi_az=found.get("MultiAZ"),
            iam_database_authentication_enabled=found.get("IAMDatabaseAuthenticationEnabled"),
            backup_retention_period=found.get("BackupRetentionPeriod"),
        ),
        storage_encrypted=bool(found.get("Encrypted", False)),
        kms_key_id=found.get("KmsKeyId"),
    )


def differences(found: InstanceSettings, wanted: InstanceSettings) -> dict[str, tuple[Any, Any]]:
    """Fields that `wanted` names (neither None nor empty) and that differ: (found, wanted) by field name."""
    pairs = {item.name: (getattr(found, item.name), getattr(wanted, item.name)) for item in fields(InstanceSettings)}
    return {name: (old, new) for name, (old, new) in pairs.items() if not satisfied(name, old, new)}


def satisfied(name: str, found: Any, wanted: Any) -> bool:
    """Storage can't shrink, so more of it is enough; lists have no order; RDS leaves out what is off."""
    if wanted is None or wanted == ():
        return True
    if name == "allocated_storage":
        return found is not None and found >= wanted
    if isinstance(wanted, tuple):
        return set(cast("tuple[str, ...]", wanted)) == set(cast("tuple[str, ...]", found or ()))
    return wanted == found or (not wanted and not found)


def modification(found: InstanceSettings, wanted: InstanceSettings) -> dict[str, Any]:
    """Parameters of ModifyDBInstance for what differs; empty when nothing does."""
    changed = differences(found, wanted)
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
