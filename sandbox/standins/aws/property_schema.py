"""The properties of the stand-in's AWS types, as terraform-provider-aws declares them (pulumi-aws 7.51 names)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["str", "int", "bool", "set", "map", "object"]
ZERO: Mapping[Kind, object] = {"str": "", "int": 0, "bool": False}


@dataclass(frozen=True)
class Property:
    """One property: `computed` keeps its value when the program leaves it out, `virtual` is never read from AWS."""

    kind: Kind
    input: bool = True
    required: bool = False
    computed: bool = False
    force_new: bool = False
    virtual: bool = False
    default: bool | int | str | None = None


def _given(kind: Kind, *, force_new: bool = False, virtual: bool = False) -> Property:
    return Property(kind, force_new=force_new, virtual=virtual)


def _kept(kind: Kind, *, force_new: bool = False, virtual: bool = False) -> Property:
    return Property(kind, computed=True, force_new=force_new, virtual=virtual)


def _output(kind: Kind) -> Property:
    return Property(kind, input=False, computed=True)


INSTANCE: Mapping[str, Property] = {
    "address": _output("str"),
    "allocatedStorage": _kept("int"),
    "allowMajorVersionUpgrade": _given("bool", virtual=True),
    "applyImmediately": Property("bool", virtual=True, default=False),
    "arn": _output("str"),
    "autoMinorVersionUpgrade": Property("bool", default=True),
    "availabilityZone": _kept("str", force_new=True),
    "backupRetentionPeriod": _kept("int"),
    "backupTarget": _kept("str", force_new=True),
    "backupWindow": _kept("str"),
    "caCertIdentifier": _kept("str"),
    "copyTagsToSnapshot": Property("bool", default=False),
    "databaseInsightsMode": _kept("str"),
    "dbName": _kept("str", force_new=True),
    "dbSubnetGroupName": _kept("str"),
    "dedicatedLogVolume": _given("bool"),
    "deleteAutomatedBackups": Property("bool", virtual=True, default=True),
    "deletionProtection": _given("bool"),
    "enabledCloudwatchLogsExports": _given("set"),
    "endpoint": _output("str"),
    "engine": _kept("str", force_new=True),
    "engineLifecycleSupport": _kept("str", force_new=True),
    "engineVersion": _kept("str"),
    "engineVersionActual": _output("str"),
    "finalSnapshotIdentifier": _given("str", virtual=True),
    "hostedZoneId": _output("str"),
    "iamDatabaseAuthenticationEnabled": _given("bool"),
    "identifier": _kept("str"),
    "identifierPrefix": _kept("str"),
    "instanceClass": Property("str", required=True),
    "iops": _kept("int"),
    "kmsKeyId": _kept("str", force_new=True),
    "latestRestorableTime": _output("str"),
    "licenseModel": _kept("str"),
    "listenerEndpoints": _output("set"),
    "maintenanceWindow": _kept("str"),
    "manageMasterUserPassword": _given("bool", virtual=True),
    "masterUserSecretKmsKeyId": _kept("str", virtual=True),
    "masterUserSecrets": _output("set"),
    "maxAllocatedStorage": _given("int"),
    "monitoringInterval": Property("int", default=0),
    "monitoringRoleArn": _kept("str"),
    "multiAz": _kept("bool"),
    "networkType": _kept("str"),
    "optionGroupName": _kept("str"),
    "parameterGroupName": _kept("str"),
    "password": _given("str", virtual=True),
    "performanceInsightsEnabled": Property("bool", default=False),
    "performanceInsightsKmsKeyId": _kept("str"),
    "performanceInsightsRetentionPeriod": _kept("int"),
    "port": _kept("int"),
    "publiclyAccessible": Property("bool", default=False),
    "region": _kept("str", force_new=True),
    "replicas": _output("set"),
    "resourceId": _output("str"),
    "restoreToPointInTime": _given("object", force_new=True, virtual=True),
    "skipFinalSnapshot": Property("bool", virtual=True, default=False),
    "snapshotIdentifier": _kept("str", force_new=True, virtual=True),
    "status": _output("str"),
    "storageEncrypted": _given("bool", force_new=True),
    "storageThroughput": _kept("int"),
    "storageType": _kept("str"),
    "tags": _given("map"),
    "tagsAll": _output("map"),
    "username": _kept("str", force_new=True),
    "vpcSecurityGroupIds": _kept("set"),
}

RESTORE_TO_POINT_IN_TIME: Mapping[str, Property] = {
    "restoreTime": _given("str"),
    "sourceDbInstanceAutomatedBackupsArn": _given("str"),
    "sourceDbInstanceIdentifier": _given("str"),
    "sourceDbiResourceId": _given("str"),
    "useLatestRestorableTime": _given("bool"),
}

SNAPSHOT: Mapping[str, Property] = {
    "allocatedStorage": _output("int"),
    "availabilityZone": _output("str"),
    "dbInstanceIdentifier": Property("str", required=True, force_new=True),
    "dbSnapshotArn": _output("str"),
    "dbSnapshotIdentifier": Property("str", required=True, force_new=True),
    "encrypted": _output("bool"),
    "engine": _output("str"),
    "engineVersion": _output("str"),
    "iops": _output("int"),
    "kmsKeyId": _output("str"),
    "licenseModel": _output("str"),
    "optionGroupName": _output("str"),
    "port": _output("int"),
    "region": _kept("str", force_new=True),
    "sharedAccounts": _given("set"),
    "snapshotType": _output("str"),
    "sourceDbSnapshotIdentifier": _output("str"),
    "sourceRegion": _output("str"),
    "status": _output("str"),
    "storageType": _output("str"),
    "tags": _given("map"),
    "tagsAll": _output("map"),
    "vpcId": _output("str"),
}

SNAPSHOT_COPY: Mapping[str, Property] = {
    "allocatedStorage": _output("int"),
    "availabilityZone": _output("str"),
    "copyTags": _given("bool", force_new=True, virtual=True),
    "dbSnapshotArn": _output("str"),
    "encrypted": _output("bool"),
    "engine": _output("str"),
    "engineVersion": _output("str"),
    "iops": _output("int"),
    "kmsKeyId": _given("str", force_new=True),
    "licenseModel": _output("str"),
    "optionGroupName": _kept("str", force_new=True),
    "port": _output("int"),
    "region": _kept("str", force_new=True),
    "snapshotType": _output("str"),
    "sourceDbSnapshotIdentifier": Property("str", required=True, force_new=True),
    "sourceRegion": _output("str"),
    "storageType": _output("str"),
    "tags": _given("map"),
    "tagsAll": _output("map"),
    "targetDbSnapshotIdentifier": Property("str", required=True, force_new=True),
    "vpcId": _output("str"),
}

PARAMETER_GROUP: Mapping[str, Property] = {
    "arn": _output("str"),
    "description": _given("str", force_new=True),
    "family": Property("str", required=True, force_new=True),
    "name": _kept("str", force_new=True),
    "namePrefix": _kept("str", force_new=True),
    "parameters": _given("set"),
    "region": _kept("str", force_new=True),
    "tags": _given("map"),
    "tagsAll": _output("map"),
}

TOPIC: Mapping[str, Property] = {
    "arn": _output("str"),
    "contentBasedDeduplication": Property("bool", default=False),
    "fifoTopic": Property("bool", force_new=True, default=False),
    "name": _kept("str", force_new=True),
    "owner": _output("str"),
    "policy": _kept("str"),
    "region": _kept("str", force_new=True),
    "tags": _given("map"),
    "tagsAll": _output("map"),
}

EVENT_SUBSCRIPTION: Mapping[str, Property] = {
    "arn": _output("str"),
    "customerAwsId": _output("str"),
    "enabled": Property("bool", default=True),
    "eventCategories": _given("set"),
    "name": _kept("str", force_new=True),
    "region": _kept("str", force_new=True),
    "snsTopic": Property("str", required=True),
    "sourceIds": _given("set"),
    "sourceType": _given("str"),
    "tags": _given("map"),
    "tagsAll": _output("map"),
}

METRIC_ALARM: Mapping[str, Property] = {
    "actionsEnabled": Property("bool", default=True),
    "alarmActions": _given("set"),
    "alarmDescription": _given("str"),
    "arn": _output("str"),
    "comparisonOperator": Property("str", required=True),
    "datapointsToAlarm": _given("int"),
    "dimensions": _given("map"),
    "evaluationPeriods": Property("int", required=True),
    "insufficientDataActions": _given("set"),
    "metricName": _given("str"),
    "name": Property("str", required=True, force_new=True),
    "namespace": _given("str"),
    "okActions": _given("set"),
    "period": _given("int"),
    "region": _kept("str", force_new=True),
    "statistic": _given("str"),
    "tags": _given("map"),
    "tagsAll": _output("map"),
    "threshold": _given("int"),
    "treatMissingData": Property("str", default="missing"),
    "unit": _given("str"),
}

BACKUPS_REPLICATION: Mapping[str, Property] = {
    "kmsKeyId": _given("str", force_new=True),
    "preSignedUrl": _given("str", force_new=True, virtual=True),
    "region": _kept("str", force_new=True),
    "retentionPeriod": Property("int", force_new=True, default=7),
    "sourceDbInstanceArn": Property("str", required=True, force_new=True),
}
