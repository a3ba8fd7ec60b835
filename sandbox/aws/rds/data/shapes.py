"""New instances and snapshots in boto3's shapes, with RDS's own defaults (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.aws.query_protocol import Shape

HOSTED_ZONE = "Z2R2ITUGPM61AM"
KEY_LOST = "inaccessible-encryption-credentials-recoverable"
DEFAULT_CA = "rds-ca-rsa2048-g1"
# API reference, CreateDBInstance and RestoreDBInstanceFromDBSnapshot: what holds where nothing is passed.
INSTANCE_DEFAULTS: Mapping[str, Any] = {
    "AllocatedStorage": 20,
    "AutoMinorVersionUpgrade": True,
    "BackupRetentionPeriod": 1,
    "BackupTarget": "region",
    "CACertificateIdentifier": DEFAULT_CA,
    "CopyTagsToSnapshot": False,
    "CustomerOwnedIpEnabled": False,
    "DBSecurityGroups": [],
    "DatabaseInsightsMode": "standard",
    "DedicatedLogVolume": False,
    "DeletionProtection": False,
    "DomainMemberships": [],
    "AssociatedRoles": [],
    "ActivityStreamStatus": "stopped",
    "EngineLifecycleSupport": "open-source-rds-extended-support",
    "IAMDatabaseAuthenticationEnabled": False,
    "IsStorageConfigUpgradeAvailable": False,
    "LicenseModel": "postgresql-license",
    "MonitoringInterval": 0,
    "MultiAZ": False,
    "NetworkType": "IPV4",
    "PerformanceInsightsEnabled": False,
    "PreferredBackupWindow": "04:00-04:30",
    "PreferredMaintenanceWindow": "sun:05:00-sun:05:30",
    "PubliclyAccessible": False,
    "ReadReplicaDBInstanceIdentifiers": [],
    "StorageEncrypted": False,
    "StorageThroughput": 0,
    "StorageType": "gp2",
}
GP3 = {"Iops": 3000, "StorageThroughput": 125}
# Names that differ between what is asked and what is answered.
RENAMED = {
    "EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled",
    "EnablePerformanceInsights": "PerformanceInsightsEnabled",
    "EnableCloudwatchLogsExports": "EnabledCloudwatchLogsExports",
    "EnableCustomerOwnedIp": "CustomerOwnedIpEnabled",
    "DBPortNumber": "DbInstancePort",
    "Port": "DbInstancePort",
}
# What a restored instance takes from the snapshot or the source, where nothing is passed.
INHERITED = [
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "DBInstanceClass",
    "DBName",
    "Engine",
    "EngineVersion",
    "Iops",
    "KmsKeyId",
    "LicenseModel",
    "MasterUsername",
    "DbInstancePort",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "StorageEncrypted",
    "StorageThroughput",
    "StorageType",
]
SNAPSHOT_KEEPS = [
    "AllocatedStorage",
    "AvailabilityZone",
    "DBInstanceIdentifier",
    "DbiResourceId",
    "DedicatedLogVolume",
    "Engine",
    "EngineVersion",
    "IAMDatabaseAuthenticationEnabled",
    "InstanceCreateTime",
    "Iops",
    "KmsKeyId",
    "LicenseModel",
    "MasterUsername",
    "StorageThroughput",
    "StorageType",
]


def answered(parameters: Shape, *without: str) -> Shape:
    """Parameters of a request under the names of the answer."""
    return {RENAMED.get(key, key): value for key, value in parameters.items() if key not in without}


def inherited(source: Shape) -> Shape:
    return {key: source[key] for key in INHERITED if key in source}


def storage(shape: Shape) -> Shape:
    """What gp3 brings: a baseline of IOPS and throughput, for PostgreSQL below 400 GiB (User Guide, gp3 storage)."""
    if shape.get("StorageType") != "gp3":
        return {"StorageThroughput": 0}
    factor = 4 if shape["AllocatedStorage"] >= 400 else 1
    return {
        "Iops": shape.get("Iops") or GP3["Iops"] * factor,
        "StorageThroughput": shape.get("StorageThroughput") or GP3["StorageThroughput"] * factor,
    }


def snapshot(instance: Shape, identifier: str, arn: str, kind: str, created: datetime) -> Shape:
    """A DB snapshot that has begun."""
    kept = {key: instance[key] for key in SNAPSHOT_KEEPS if key in instance}
    return {
        **kept,
        "DBSnapshotIdentifier": identifier,
        "DBSnapshotArn": arn,
        "SnapshotType": kind,
        "Status": "creating",
        "PercentProgress": 0,
        "Port": instance["DbInstancePort"],
        "VpcId": instance["DBSubnetGroup"]["VpcId"],
        "OptionGroupName": instance["OptionGroupMemberships"][0]["OptionGroupName"],
        "Encrypted": instance["StorageEncrypted"],
        "SnapshotCreateTime": created,
        "OriginalSnapshotCreateTime": created,
        "SnapshotTarget": "region",
        "TagList": [],
    }


def automated_backup(instance: Shape, arn: str, region: str, status: str, window: Shape | None) -> Shape:
    """The automated backups of an instance, present or retained."""
    keys = [
        "DBInstanceArn",
        "DbiResourceId",
        "DBInstanceIdentifier",
        "AllocatedStorage",
        "AvailabilityZone",
        "InstanceCreateTime",
        "MasterUsername",
        "Engine",
        "EngineVersion",
        "LicenseModel",
        "Iops",
        "StorageThroughput",
        "StorageType",
        "KmsKeyId",
        "IAMDatabaseAuthenticationEnabled",
        "BackupRetentionPeriod",
        "PreferredBackupWindow",
        "BackupTarget",
        "TagList",
        "DedicatedLogVolume",
    ]
    return {
        **{key: instance[key] for key in keys if key in instance},
        "DBInstanceAutomatedBackupsArn": arn,
        "Region": region,
        "Status": status,
        "Port": instance["DbInstancePort"],
        "VpcId": instance["DBSubnetGroup"]["VpcId"],
        "Encrypted": instance["StorageEncrypted"],
        "OptionGroupName": instance["OptionGroupMemberships"][0]["OptionGroupName"],
        **({"RestoreWindow": window} if window else {}),
    }
