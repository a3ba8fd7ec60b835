"""RDS in memory, as far as one instance and its snapshots go: what was asked of it stands in `calls`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.standins.aws.rds_client import RdsError
from sandbox.standins.plugin.property_values import Properties

RESOURCE_ID = "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TAKEN = {
    "AllocatedStorage",
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "CACertificateIdentifier",
    "CopyTagsToSnapshot",
    "DBInstanceClass",
    "DeletionProtection",
    "Engine",
    "EngineVersion",
    "MasterUsername",
    "MultiAZ",
    "PreferredBackupWindow",
    "PubliclyAccessible",
    "StorageEncrypted",
    "StorageType",
}


def refusal(code: str, message: str) -> RdsError:
    return RdsError(
        f"operation error RDS: X, https response error StatusCode: 400, RequestID: r, {code}: {message}", code, message
    )


@dataclass
class FakeRds:
    """`statuses` are shown one by one, each for one description, after every change; the last one stays."""

    statuses: Sequence[str] = ("available",)
    instances: dict[str, Properties] = field(default_factory=dict[str, Any])
    snapshots: dict[str, Properties] = field(default_factory=dict[str, Any])
    calls: list[tuple[str, Properties]] = field(default_factory=list[tuple[str, Any]])
    errors: dict[str, RdsError] = field(default_factory=dict[str, RdsError])
    coming: list[str] = field(default_factory=list[str])

    def call(self, operation: str, request: Properties) -> Properties:
        self.calls.append((operation, request))
        if operation in self.errors:
            raise self.errors[operation]
        return getattr(self, operation)(request)

    def asked(self, operation: str) -> list[Properties]:
        return [request for name, request in self.calls if name == operation]

    def _made(self, identifier: str, request: Properties) -> Properties:
        if identifier in self.instances:
            raise refusal("DBInstanceAlreadyExists", "DB instance already exists")
        self.instances[identifier] = {
            "Engine": "postgres",
            "EngineVersion": "17.10",
            "AllocatedStorage": 20,
            "BackupRetentionPeriod": 1,
            "CACertificateIdentifier": "rds-ca-rsa2048-g1",
            "DBInstanceArn": f"arn:aws:rds:us-east-1:123456789012:db:{identifier}",
            "DBInstanceIdentifier": identifier,
            "DbiResourceId": RESOURCE_ID,
            "Endpoint": {"Address": "127.0.0.9", "Port": 5432, "HostedZoneId": "Z"},
            "TagList": request.get("Tags") or [],
            **{key: request[key] for key in TAKEN & request.keys()},
        }
        self.coming = list(self.statuses)
        return {"DBInstance": self.instances[identifier]}

    def CreateDBInstance(self, request: Properties) -> Properties:  # noqa: N802
        return self._made(request["DBInstanceIdentifier"], request)

    RestoreDBInstanceFromDBSnapshot = CreateDBInstance

    def RestoreDBInstanceToPointInTime(self, request: Properties) -> Properties:  # noqa: N802
        return self._made(request["TargetDBInstanceIdentifier"], request)

    def ModifyDBInstance(self, request: Properties) -> Properties:  # noqa: N802
        instance = self._instance(request["DBInstanceIdentifier"])
        instance.update({key: request[key] for key in TAKEN & request.keys()})
        if new := request.get("NewDBInstanceIdentifier"):
            self.instances[new] = self.instances.pop(instance["DBInstanceIdentifier"])
            instance["DBInstanceIdentifier"] = new
        self.coming = list(self.statuses)
        return {"DBInstance": instance}

    def DeleteDBInstance(self, request: Properties) -> Properties:  # noqa: N802
        instance = self._instance(request["DBInstanceIdentifier"])
        if instance.get("DeletionProtection"):
            text = "Cannot delete protected DB Instance, please disable deletion protection and try again."
            raise refusal("InvalidParameterCombination", text)
        return {"DBInstance": self.instances.pop(request["DBInstanceIdentifier"])}

    def DescribeDBInstances(self, request: Properties) -> Properties:  # noqa: N802
        if "Filters" in request:
            resource_ids = request["Filters"][0]["Values"]
            listed = [i for i in self.instances.values() if i["DbiResourceId"] in resource_ids]
        else:
            listed = [self._instance(request["DBInstanceIdentifier"])]
        status = self.coming.pop(0) if len(self.coming) > 1 else self.coming[0] if self.coming else "available"
        return {"DBInstances": [{**i, "DBInstanceStatus": status} for i in listed]}

    def AddTagsToResource(self, request: Properties) -> Properties:  # noqa: N802
        return {}

    RemoveTagsFromResource = AddTagsToResource

    def CreateDBSnapshot(self, request: Properties) -> Properties:  # noqa: N802
        name = request["DBSnapshotIdentifier"]
        self.snapshots[name] = {
            **request,
            "TagList": request["Tags"],
            "DBSnapshotArn": f"arn:{name}",
            "Engine": "postgres",
            "Port": 5432,
        }
        self.coming = list(self.statuses)
        return {"DBSnapshot": self.snapshots[name]}

    def CopyDBSnapshot(self, request: Properties) -> Properties:  # noqa: N802
        kept = {key: request[key] for key in ("SourceDBSnapshotIdentifier", "KmsKeyId", "Tags") if key in request}
        return self.CreateDBSnapshot({**kept, "DBSnapshotIdentifier": request["TargetDBSnapshotIdentifier"]})

    def CreateDBParameterGroup(self, request: Properties) -> Properties:  # noqa: N802
        return {"DBParameterGroup": {"DBParameterGroupName": request["DBParameterGroupName"]}}

    def DescribeDBSnapshots(self, request: Properties) -> Properties:  # noqa: N802
        name = request["DBSnapshotIdentifier"]
        if name not in self.snapshots:
            raise refusal("DBSnapshotNotFound", f"DBSnapshot {name} not found.")
        status = self.coming.pop(0) if len(self.coming) > 1 else self.coming[0]
        return {"DBSnapshots": [{**self.snapshots[name], "Status": status}]}

    def DescribeDBSnapshotAttributes(self, request: Properties) -> Properties:  # noqa: N802
        shared: Properties = {"AttributeName": "restore", "AttributeValues": []}
        return {"DBSnapshotAttributesResult": {"DBSnapshotAttributes": [shared]}}

    def DeleteDBSnapshot(self, request: Properties) -> Properties:  # noqa: N802
        return {"DBSnapshot": self.snapshots.pop(request["DBSnapshotIdentifier"])}

    def _instance(self, name: str) -> Properties:
        if name not in self.instances:
            raise refusal("DBInstanceNotFound", f"DBInstance {name} not found.")
        return self.instances[name]
