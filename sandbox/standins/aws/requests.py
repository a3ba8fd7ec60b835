"""Inputs turned into RDS requests, setting by setting as terraform-provider-aws does it (instance.go).

What a restore's API doesn't take goes into a ModifyDBInstance after it, and what the provider forgets on the way
(on a point-in-time restore: storage, retention, windows, version, Performance Insights, password) is forgotten here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sandbox.standins.aws.property_schema import INSTANCE
from sandbox.standins.aws.tag_lists import to_list
from sandbox.standins.plugin.property_values import Properties

CREATE_NAMES: Mapping[str, str] = {
    "allocatedStorage": "AllocatedStorage",
    "availabilityZone": "AvailabilityZone",
    "backupTarget": "BackupTarget",
    "backupWindow": "PreferredBackupWindow",
    "databaseInsightsMode": "DatabaseInsightsMode",
    "dbName": "DBName",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "dedicatedLogVolume": "DedicatedLogVolume",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "engine": "Engine",
    "engineLifecycleSupport": "EngineLifecycleSupport",
    "engineVersion": "EngineVersion",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "iops": "Iops",
    "kmsKeyId": "KmsKeyId",
    "licenseModel": "LicenseModel",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "manageMasterUserPassword": "ManageMasterUserPassword",
    "masterUserSecretKmsKeyId": "MasterUserSecretKmsKeyId",
    "maxAllocatedStorage": "MaxAllocatedStorage",
    "monitoringInterval": "MonitoringInterval",
    "monitoringRoleArn": "MonitoringRoleArn",
    "multiAz": "MultiAZ",
    "networkType": "NetworkType",
    "optionGroupName": "OptionGroupName",
    "parameterGroupName": "DBParameterGroupName",
    "password": "MasterUserPassword",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
    "performanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "port": "Port",
    "storageThroughput": "StorageThroughput",
    "storageType": "StorageType",
    "username": "MasterUsername",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}
BOTH_RESTORES = frozenset(
    [
        "availabilityZone",
        "backupTarget",
        "dbSubnetGroupName",
        "dedicatedLogVolume",
        "enabledCloudwatchLogsExports",
        "engine",
        "engineLifecycleSupport",
        "iamDatabaseAuthenticationEnabled",
        "licenseModel",
        "multiAz",
        "optionGroupName",
        "parameterGroupName",
        "port",
        "vpcSecurityGroupIds",
    ]
)
SNAPSHOT_TAKES = BOTH_RESTORES | {"networkType"}
SNAPSHOT_LATER = frozenset(
    [
        "allocatedStorage",
        "backupWindow",
        "engineVersion",
        "iops",
        "maintenanceWindow",
        "manageMasterUserPassword",
        "masterUserSecretKmsKeyId",
        "maxAllocatedStorage",
        "monitoringInterval",
        "monitoringRoleArn",
        "password",
        "performanceInsightsEnabled",
        "storageThroughput",
        "storageType",
        "databaseInsightsMode",
    ]
)
POINT_IN_TIME_TAKES = BOTH_RESTORES | {"dbName", "iops", "maxAllocatedStorage", "storageType"}
POINT_IN_TIME_LATER = frozenset(
    ["manageMasterUserPassword", "masterUserSecretKmsKeyId", "monitoringInterval", "monitoringRoleArn"]
)
MODIFY_NAMES: Mapping[str, str] = {
    **{
        key: CREATE_NAMES[key]
        for key in CREATE_NAMES
        if key not in ("availabilityZone", "dbName", "engine", "kmsKeyId", "username", "port", "backupTarget")
        and not key.startswith("enabledCloudwatch")
    },
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "identifier": "NewDBInstanceIdentifier",
    "instanceClass": "DBInstanceClass",
    "port": "DBPortNumber",
    "publiclyAccessible": "PubliclyAccessible",
}
INSIGHTS = ("performanceInsightsEnabled", "performanceInsightsKmsKeyId", "performanceInsightsRetentionPeriod")
NEVER_MODIFIED = frozenset(
    [
        "allowMajorVersionUpgrade",
        "deleteAutomatedBackups",
        "finalSnapshotIdentifier",
        "skipFinalSnapshot",
        "tags",
        "tagsAll",
        "region",
    ]
)
GP3_THRESHOLD_GIB = 400


@dataclass(frozen=True)
class Creation:
    """The call that makes the instance, and the modification that must follow it (empty: none)."""

    operation: str
    request: Properties
    later: Properties = field(default_factory=dict[str, Any])
    how: str = ""


def creation(inputs: Properties) -> Creation:
    if inputs.get("snapshotIdentifier"):
        return _from_snapshot(inputs)
    if inputs.get("restoreToPointInTime"):
        return _to_point_in_time(inputs)
    return Creation("CreateDBInstance", _fresh(inputs))


def missing_for_fresh(inputs: Properties) -> list[str]:
    """What only a new, empty database needs; the provider says so no earlier than at creation."""
    if inputs.get("snapshotIdentifier") or inputs.get("restoreToPointInTime"):
        return []
    needed = {"allocatedStorage": "allocated_storage", "engine": "engine", "username": "username"}
    return [f'"{name}": required field is not set' for key, name in needed.items() if not inputs.get(key)]


def _common(inputs: Properties, identifier: str) -> Properties:
    return {
        identifier: inputs["identifier"],
        "AutoMinorVersionUpgrade": bool(inputs.get("autoMinorVersionUpgrade")),
        "CopyTagsToSnapshot": bool(inputs.get("copyTagsToSnapshot")),
        "DBInstanceClass": inputs["instanceClass"],
        "DeletionProtection": bool(inputs.get("deletionProtection")),
        "PubliclyAccessible": bool(inputs.get("publiclyAccessible")),
        "Tags": to_list(inputs.get("tags") or {}),
    }


def _given(inputs: Properties, keys: Collection[str], names: Mapping[str, str] = CREATE_NAMES) -> Properties:
    """The named settings that have a value other than zero: all that the provider can tell from unset."""
    return {names[key]: inputs[key] for key in sorted(keys) if inputs.get(key)}


def _fresh(inputs: Properties) -> Properties:
    return {
        **_common(inputs, "DBInstanceIdentifier"),
        "BackupRetentionPeriod": inputs.get("backupRetentionPeriod") or 0,
        "StorageEncrypted": bool(inputs.get("storageEncrypted")),
        **_given(inputs, CREATE_NAMES),
    }


def _from_snapshot(inputs: Properties) -> Creation:
    request = {
        **_common(inputs, "DBInstanceIdentifier"),
        "DBSnapshotIdentifier": inputs["snapshotIdentifier"],
        **_given(inputs, SNAPSHOT_TAKES),
    }
    later = _given(inputs, SNAPSHOT_LATER)
    if "backupRetentionPeriod" in inputs:
        later["BackupRetentionPeriod"] = inputs["backupRetentionPeriod"]
    if inputs.get("performanceInsightsEnabled"):
        later.update(_given(inputs, INSIGHTS))
    return Creation(
        "RestoreDBInstanceFromDBSnapshot", request, _modification(inputs, later), " (restore from snapshot)"
    )


def _to_point_in_time(inputs: Properties) -> Creation:
    block = cast("Properties", inputs["restoreToPointInTime"])
    names = {
        "sourceDbInstanceAutomatedBackupsArn": "SourceDBInstanceAutomatedBackupsArn",
        "sourceDbInstanceIdentifier": "SourceDBInstanceIdentifier",
        "sourceDbiResourceId": "SourceDbiResourceId",
        "useLatestRestorableTime": "UseLatestRestorableTime",
    }
    request = {
        **_common(inputs, "TargetDBInstanceIdentifier"),
        **{name: block[key] for key, name in names.items() if block.get(key)},
        **_given(inputs, POINT_IN_TIME_TAKES),
    }
    if block.get("restoreTime"):
        request["RestoreTime"] = datetime.fromisoformat(str(block["restoreTime"]))
    later = _modification(inputs, _given(inputs, POINT_IN_TIME_LATER))
    return Creation("RestoreDBInstanceToPointInTime", request, later, " (restore to point-in-time)")


def _modification(inputs: Properties, settings: Properties) -> Properties:
    if not settings:
        return {}
    allowed = {"AllowMajorVersionUpgrade": True} if inputs.get("allowMajorVersionUpgrade") else {}
    return {"DBInstanceIdentifier": inputs["identifier"], "ApplyImmediately": True, **allowed, **settings}


def modification(changed: Collection[str], state: Properties, news: Properties) -> Properties:
    """The ModifyDBInstance for the changed inputs; empty when none of them is AWS's business.

    The instance is addressed by the identifier in the state, whoever holds that name by now: as the provider does.
    """
    keys = set(changed) - NEVER_MODIFIED
    if not keys:
        return {}
    request: Properties = {
        "DBInstanceIdentifier": state.get("identifier") or news["identifier"],
        "ApplyImmediately": bool(news.get("applyImmediately")),
        "DeletionProtection": bool(news.get("deletionProtection")),
    }
    for key in sorted(keys & MODIFY_NAMES.keys()):
        if (value := _modified(key, news)) is not None:
            request[MODIFY_NAMES[key]] = value
    return {**request, **_dependent(keys, state, news)}


def _modified(key: str, news: Properties) -> Any:
    if key == "maxAllocatedStorage":
        return news.get(key) or news.get("allocatedStorage")
    if key in ("password", "vpcSecurityGroupIds", *INSIGHTS[1:]):
        return news.get(key) or None
    return news.get(key, False if INSTANCE[key].kind == "bool" else None)


def _dependent(keys: Collection[str], state: Properties, news: Properties) -> Properties:
    """Settings that the API wants together."""
    request: Properties = {}
    if "engineVersion" in keys:
        request["AllowMajorVersionUpgrade"] = bool(news.get("allowMajorVersionUpgrade"))
    if "enabledCloudwatchLogsExports" in keys:
        old, new = (set(source.get("enabledCloudwatchLogsExports") or []) for source in (state, news))
        request["CloudwatchLogsExportConfiguration"] = {
            "EnableLogTypes": sorted(new - old),
            "DisableLogTypes": sorted(old - new),
        }
    if set(INSIGHTS) & set(keys):
        request["EnablePerformanceInsights"] = bool(news.get("performanceInsightsEnabled"))
        request.update(_given(news, INSIGHTS[1:]))
    if {"allocatedStorage", "iops", "storageThroughput"} & set(keys):
        request.update(_storage(keys, state, news))
    return request


def _storage(keys: Collection[str], state: Properties, news: Properties) -> Properties:
    merged = {**state, **news}
    request: Properties = {"AllocatedStorage": merged.get("allocatedStorage")}
    small = merged.get("storageType") == "gp3" and int(merged.get("allocatedStorage") or 0) < GP3_THRESHOLD_GIB
    if merged.get("iops") and ("iops" in keys or not small):
        request["Iops"] = merged["iops"]
    return request


def deletion(state: Properties) -> Properties:
    """Raises ValueError in the provider's words when a final snapshot is wanted but has no name."""
    request: Properties = {
        "DBInstanceIdentifier": state["identifier"],
        "DeleteAutomatedBackups": bool(state.get("deleteAutomatedBackups", True)),
        "SkipFinalSnapshot": bool(state.get("skipFinalSnapshot")),
    }
    if request["SkipFinalSnapshot"]:
        return request
    if not state.get("finalSnapshotIdentifier"):
        raise ValueError("final_snapshot_identifier is required when skip_final_snapshot is false")
    return {**request, "FinalDBSnapshotIdentifier": state["finalSnapshotIdentifier"]}
