"""RDS's answers (boto3's dicts) as this program's values, and settings as RDS's parameters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
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
    "network_type": "NetworkType",
    "dedicated_log_volume": "DedicatedLogVolume",
    "database_insights_mode": "DatabaseInsightsMode",
    "engine_lifecycle_support": "EngineLifecycleSupport",
    "domain": "Domain",
    "domain_iam_role_name": "DomainIAMRoleName",
}
"""Parameter of ModifyDBInstance by field; the log exports have a shape of their own."""

PAIRS = (("monitoring_interval", "monitoring_role_arn"), ("domain", "domain_iam_role_name"))
"""Both are sent when one differs: RDS refuses one without the other."""
TOGETHER = (
    ("allocated_storage", "max_allocated_storage", "storage_type", "iops", "storage_throughput"),
    ("db_subnet_group_name", "vpc_security_group_ids", "network_type"),
    (
        "performance_insights_enabled",
        "performance_insights_kms_key_id",
        "performance_insights_retention_period",
        "database_insights_mode",
    ),
    *PAIRS,
)
"""Fields that RDS judges together (API reference of ModifyDBInstance); each other one is judged alone."""
PENDING = {
    "DBInstanceClass": "instance_class",
    "AllocatedStorage": "allocated_storage",
    "StorageType": "storage_type",
    "Iops": "iops",
    "StorageThroughput": "storage_throughput",
    "Port": "port",
    "BackupRetentionPeriod": "backup_retention_period",
    "MultiAZ": "multi_az",
    "CACertificateIdentifier": "ca_cert_identifier",
    "DBSubnetGroupName": "db_subnet_group_name",
    "IAMDatabaseAuthenticationEnabled": "iam_database_authentication_enabled",
    "DedicatedLogVolume": "dedicated_log_volume",
}
"""Field by its name among PendingModifiedValues."""


def parse_time(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def parse_tags(listed: Sequence[Any] | None) -> dict[str, str]:
    return {str(tag.get("Key", "")): str(tag.get("Value", "")) for tag in listed or ()}


def parse_endpoint(answer: AwsAnswer) -> Endpoint | None:
    """Returns where it answers; None while RDS hasn't given it an address (API reference, DBInstance: Endpoint)."""
    address: AwsAnswer = answer.get("Endpoint") or {}
    if not address.get("Address"):
        return None
    return Endpoint(str(address["Address"]), int(address.get("Port") or 5432))


def _read_first(items: Sequence[AwsAnswer] | None, name: str) -> str | None:
    return str(items[0][name]) if items and items[0].get(name) else None


def parse_managed_secret(answer: AwsAnswer) -> str | None:
    """Returns where RDS keeps a master password of its own making."""
    kept: AwsAnswer = answer.get("MasterUserSecret") or {}
    return kept.get("SecretArn")


def parse_associated_roles(answer: AwsAnswer) -> tuple[str, ...]:
    """Returns the roles that features use, as FEATURE=ARN; those that RDS can't use, or not yet, don't count (API
    reference, DBInstanceRole: Status)."""
    roles = cast("Sequence[AwsAnswer]", answer.get("AssociatedRoles") or ())
    active = (role for role in roles if role.get("Status") == "ACTIVE")
    return tuple(sorted(f"{role.get('FeatureName', '')}={role.get('RoleArn', '')}" for role in active))


def parse_settings(answer: AwsAnswer) -> InstanceSettings:
    """Returns what a restore must carry over, of a DBInstance. Security groups that are being removed don't count.

    RDS writes 0 for IOPS and throughput that a storage type doesn't have, and doesn't accept it back: None here.
    """
    groups = cast("Sequence[AwsAnswer]", answer.get("VpcSecurityGroups") or ())
    address = parse_endpoint(answer)
    subnets: AwsAnswer = answer.get("DBSubnetGroup") or {}
    return InstanceSettings(
        instance_class=answer.get("DBInstanceClass"),
        db_subnet_group_name=subnets.get("DBSubnetGroupName"),
        vpc_security_group_ids=tuple(
            sorted(group["VpcSecurityGroupId"] for group in groups if group.get("Status") not in LEAVING)
        ),
        parameter_group_name=_read_first(answer.get("DBParameterGroups"), "DBParameterGroupName"),
        option_group_name=_read_first(answer.get("OptionGroupMemberships"), "OptionGroupName"),
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
        network_type=answer.get("NetworkType"),
        dedicated_log_volume=answer.get("DedicatedLogVolume"),
        database_insights_mode=answer.get("DatabaseInsightsMode"),
        engine_lifecycle_support=answer.get("EngineLifecycleSupport"),
        domain=_read_first(answer.get("DomainMemberships"), "Domain"),
        domain_iam_role_name=_read_first(answer.get("DomainMemberships"), "IAMRoleName"),
        associated_roles=parse_associated_roles(answer),
    )


def parse_instance(answer: DBInstanceTypeDef) -> Instance:
    """Reads a DBInstance of DescribeDBInstances."""
    fields = cast("AwsAnswer", answer)
    return Instance(
        identifier=str(fields["DBInstanceIdentifier"]),
        resource_id=str(fields["DbiResourceId"]),
        arn=str(fields.get("DBInstanceArn", "")),
        status=str(fields.get("DBInstanceStatus", "")),
        engine=str(fields.get("Engine", "")),
        engine_version=str(fields.get("EngineVersion", "")),
        endpoint=parse_endpoint(fields),
        created=parse_time(fields.get("InstanceCreateTime")),
        latest_restorable=parse_time(fields.get("LatestRestorableTime")),
        settings=parse_settings(fields),
        storage_encrypted=bool(fields.get("StorageEncrypted", False)),
        kms_key_id=fields.get("KmsKeyId"),
        master_user=fields.get("MasterUsername"),
        managed_secret=parse_managed_secret(fields),
        pending=dict(cast("AwsAnswer", fields.get("PendingModifiedValues") or {})),
        tags=parse_tags(fields.get("TagList")),
        parameters_pending_reboot=_read_first(fields.get("DBParameterGroups"), "ParameterApplyStatus")
        == "pending-reboot",
        replicas=tuple(fields.get("ReadReplicaDBInstanceIdentifiers") or ()),
        replications=tuple(
            str(item["DBInstanceAutomatedBackupsArn"])
            for item in cast("Sequence[AwsAnswer]", fields.get("DBInstanceAutomatedBackupsReplications") or ())
            if item.get("DBInstanceAutomatedBackupsArn")
        ),
        db_cluster=fields.get("DBClusterIdentifier"),
    )


def parse_snapshot(answer: DBSnapshotTypeDef) -> Snapshot:
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
        created=parse_time(fields.get("OriginalSnapshotCreateTime") or fields.get("SnapshotCreateTime")),
        allocated_storage=int(fields.get("AllocatedStorage") or 0),
        storage_type=fields.get("StorageType"),
        iops=fields.get("Iops") or None,
        encrypted=bool(fields.get("Encrypted", False)),
        kms_key_id=fields.get("KmsKeyId"),
        percent=fields.get("PercentProgress"),
        copy_of=str(fields.get("SourceDBSnapshotIdentifier") or ""),
        tags=parse_tags(fields.get("TagList")),
    )


def parse_automated_backup(answer: DBInstanceAutomatedBackupTypeDef) -> AutomatedBackup:
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
        earliest=parse_time(window.get("EarliestTime")),
        latest=parse_time(window.get("LatestTime")),
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
        tags=parse_tags(fields.get("TagList")),
    )


def find_differences(settings: InstanceSettings, desired: InstanceSettings) -> dict[str, tuple[Any, Any]]:
    """Returns (found, desired) by name of the fields that `desired` names (neither None nor empty) and that differ."""
    pairs = {
        item.name: (getattr(settings, item.name), getattr(desired, item.name)) for item in fields(InstanceSettings)
    }
    return {name: (old, new) for name, (old, new) in pairs.items() if not is_satisfied(name, old, new)}


def is_satisfied(name: str, value: Any, desired: Any) -> bool:
    """Tells whether a setting is as desired: storage can't shrink (RDS User Guide, "Increasing DB instance storage
    capacity"), so more of it is enough; lists have no order; RDS leaves out what is off, and writes names, windows and
    modes in small letters however they were given."""
    if desired is None or desired == ():
        return True
    if name == "allocated_storage":
        return value is not None and value >= desired
    if name == "performance_insights_kms_key_id" and value:
        return parse_key_id(str(value)) == parse_key_id(str(desired))
    if isinstance(desired, str) and isinstance(value, str) and not desired.startswith("arn:"):
        return desired.casefold() == value.casefold()
    if name == "associated_roles":
        return set(cast("tuple[str, ...]", desired)) <= set(cast("tuple[str, ...]", value or ()))
    if isinstance(desired, tuple):
        return set(cast("tuple[str, ...]", desired)) == set(cast("tuple[str, ...]", value or ()))
    return desired == value or (not desired and not value)


def parse_key_id(key: str) -> str:
    """Returns the id of a KMS key that is named by its ARN or by its id."""
    return key.rpartition("/")[2] if ":key/" in key else key


def select_settings(settings: InstanceSettings, names: Iterable[str]) -> InstanceSettings:
    """Returns these fields of the settings; every other one unset, and so neither changed nor compared."""
    return replace(InstanceSettings(), **{name: getattr(settings, name) for name in names})


def list_partners(names: Iterable[str]) -> list[str]:
    """Returns the fields that RDS wants in the same call as these."""
    named = set(names)
    return [name for pair in PAIRS if named & set(pair) for name in pair if name not in named]


def group_settings(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Returns the fields in the groups that RDS judges together."""
    left = list(names)
    groups = [tuple(name for name in group if name in left) for group in TOGETHER]
    together = {name for group in groups for name in group}
    return [group for group in groups if group] + [(name,) for name in left if name not in together]


def find_foreign_pending(pending: Mapping[str, Any], ours: InstanceSettings) -> list[str]:
    """Returns the names of the changes that wait and aren't what we want ourselves: an earlier call of ours leaves such
    ones."""
    return sorted(name for name, value in pending.items() if not _is_ours(name, value, ours))


def _is_ours(name: str, value: Any, ours: InstanceSettings) -> bool:
    if name == "MasterUserPassword":
        return True  # of the candidate, whose master password nobody else sets
    if name == "PendingCloudwatchLogsExports":
        our_exports, exports = set(ours.enabled_cloudwatch_logs_exports), cast("AwsAnswer", value)
        enable, disable = set(exports.get("LogTypesToEnable") or ()), set(exports.get("LogTypesToDisable") or ())
        return bool(our_exports) and enable <= our_exports and not disable & our_exports
    field = PENDING.get(name)
    wanted_value = getattr(ours, field) if field else None
    return field is not None and wanted_value is not None and is_satisfied(field, value, wanted_value)


def build_modification(settings: InstanceSettings, desired: InstanceSettings) -> dict[str, Any]:
    """Returns the parameters of ModifyDBInstance for what differs; empty when nothing does."""
    changed = find_differences(settings, desired)
    for name in list_partners(changed):
        if getattr(desired, name) is not None:
            changed.setdefault(name, (getattr(settings, name), getattr(desired, name)))
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
