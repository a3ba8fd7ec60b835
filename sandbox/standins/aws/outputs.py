"""What AWS describes, as the provider's outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.standins.aws.property_schema import INSTANCE, SNAPSHOT, SNAPSHOT_COPY, ZERO, Property
from sandbox.standins.aws.tag_lists import to_map
from sandbox.standins.plugin.property_values import Properties, block, items

API_NAMES: Mapping[str, str] = {
    "allocatedStorage": "AllocatedStorage",
    "arn": "DBInstanceArn",
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "availabilityZone": "AvailabilityZone",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "backupTarget": "BackupTarget",
    "backupWindow": "PreferredBackupWindow",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "databaseInsightsMode": "DatabaseInsightsMode",
    "dbName": "DBName",
    "dedicatedLogVolume": "DedicatedLogVolume",
    "deletionProtection": "DeletionProtection",
    "enabledCloudwatchLogsExports": "EnabledCloudwatchLogsExports",
    "engine": "Engine",
    "engineLifecycleSupport": "EngineLifecycleSupport",
    "iamDatabaseAuthenticationEnabled": "IAMDatabaseAuthenticationEnabled",
    "identifier": "DBInstanceIdentifier",
    "instanceClass": "DBInstanceClass",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "licenseModel": "LicenseModel",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "maxAllocatedStorage": "MaxAllocatedStorage",
    "monitoringInterval": "MonitoringInterval",
    "monitoringRoleArn": "MonitoringRoleArn",
    "multiAz": "MultiAZ",
    "networkType": "NetworkType",
    "performanceInsightsEnabled": "PerformanceInsightsEnabled",
    "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
    "performanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "publiclyAccessible": "PubliclyAccessible",
    "replicas": "ReadReplicaDBInstanceIdentifiers",
    "resourceId": "DbiResourceId",
    "status": "DBInstanceStatus",
    "storageEncrypted": "StorageEncrypted",
    "storageThroughput": "StorageThroughput",
    "storageType": "StorageType",
    "username": "MasterUsername",
}
SNAPSHOT_API_NAMES: Mapping[str, str] = {
    "allocatedStorage": "AllocatedStorage",
    "availabilityZone": "AvailabilityZone",
    "dbInstanceIdentifier": "DBInstanceIdentifier",
    "dbSnapshotArn": "DBSnapshotArn",
    "dbSnapshotIdentifier": "DBSnapshotIdentifier",
    "encrypted": "Encrypted",
    "engine": "Engine",
    "engineVersion": "EngineVersion",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "licenseModel": "LicenseModel",
    "optionGroupName": "OptionGroupName",
    "port": "Port",
    "snapshotType": "SnapshotType",
    "sourceDbSnapshotIdentifier": "SourceDBSnapshotIdentifier",
    "sourceRegion": "SourceRegion",
    "status": "Status",
    "storageType": "StorageType",
    "vpcId": "VpcId",
}


def instance(described: Properties, earlier: Properties, region: str) -> Properties:
    """The outputs of a described instance; what AWS doesn't tell is taken over from `earlier`."""
    outputs: Properties = {key: _read(INSTANCE[key], described.get(name)) for key, name in API_NAMES.items()}
    outputs.update({key: earlier[key] for key in INSTANCE if INSTANCE[key].virtual and earlier.get(key) is not None})
    outputs.update(_groups(described))
    outputs.update(_addresses(described))
    outputs.update(_version(described, earlier))
    tags = to_map(described.get("TagList"))
    return outputs | {"region": region, "tags": tags, "tagsAll": tags, "identifierPrefix": "", "listenerEndpoints": []}


def snapshot(described: Properties, shared: list[str], region: str) -> Properties:
    outputs: Properties = {key: _read(SNAPSHOT[key], described.get(name)) for key, name in SNAPSHOT_API_NAMES.items()}
    tags = to_map(described.get("TagList"))
    return outputs | {"region": region, "tags": tags, "tagsAll": tags, "sharedAccounts": shared}


def snapshot_copy(described: Properties, region: str) -> Properties:
    names = {key: name for key, name in SNAPSHOT_API_NAMES.items() if key in SNAPSHOT_COPY}
    outputs: Properties = {key: _read(SNAPSHOT_COPY[key], described.get(name)) for key, name in names.items()}
    tags, identity = to_map(described.get("TagList")), described["DBSnapshotIdentifier"]
    return outputs | {"region": region, "tags": tags, "tagsAll": tags, "targetDbSnapshotIdentifier": identity}


def _read(declared: Property, value: Any) -> Any:
    """AWS leaves out what has no value; the provider's state holds the type's zero then."""
    if value is None:
        return [] if declared.kind == "set" else ZERO.get(declared.kind)
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


def _first(described: Properties, listed: str, name: str) -> str:
    members = items(described.get(listed))
    return str(members[0].get(name) or "") if members else ""


def _groups(described: Properties) -> Properties:
    groups = items(described.get("VpcSecurityGroups"))
    return {
        "dbSubnetGroupName": block(described.get("DBSubnetGroup")).get("DBSubnetGroupName") or "",
        "optionGroupName": _first(described, "OptionGroupMemberships", "OptionGroupName"),
        "parameterGroupName": _first(described, "DBParameterGroups", "DBParameterGroupName"),
        "vpcSecurityGroupIds": [group["VpcSecurityGroupId"] for group in groups],
    }


def _addresses(described: Properties) -> Properties:
    endpoint = block(described.get("Endpoint"))
    secret = block(described.get("MasterUserSecret"))
    latest = described.get("LatestRestorableTime")
    host, port = str(endpoint.get("Address") or ""), int(endpoint.get("Port") or described.get("DbInstancePort") or 0)
    return {
        "address": host,
        "endpoint": f"{host}:{port}" if host else "",
        "hostedZoneId": endpoint.get("HostedZoneId") or "",
        "port": port,
        "latestRestorableTime": latest.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if latest else "",
        "masterUserSecrets": [
            {
                "kmsKeyId": secret.get("KmsKeyId", ""),
                "secretArn": secret.get("SecretArn", ""),
                "secretStatus": secret.get("SecretStatus", ""),
            }
        ]
        if secret
        else [],
    }


def _version(described: Properties, earlier: Properties) -> Properties:
    """`engineVersion` keeps the program's shorter spelling ("17" for 17.10); the actual one stands beside it."""
    configured, actual = str(earlier.get("engineVersion") or ""), str(described.get("EngineVersion") or "")
    pending = block(described.get("PendingModifiedValues")).get("EngineVersion")
    keeps = configured and (f"{actual}.".startswith(f"{configured}.") or configured == pending)
    return {"engineVersion": configured if keeps else actual, "engineVersionActual": actual}


def inputs_of(properties: Mapping[str, Property], state: Properties, old_inputs: Properties) -> Properties:
    """The inputs that a read reports: the earlier ones brought up to date, or on import all that have a value."""
    if old_inputs:
        kept = {key: state.get(key, value) for key, value in old_inputs.items() if key in properties}
        return kept | {"__defaults": old_inputs.get("__defaults") or []}
    is_told: Callable[[str, Property], bool] = lambda key, declared: (  # noqa: E731
        declared.input and bool(state.get(key)) and state.get(key) != declared.default
    )
    return {key: state[key] for key, declared in properties.items() if is_told(key, declared)} | {"__defaults": []}
