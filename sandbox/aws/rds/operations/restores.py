"""Restores: from a snapshot, and to a point in time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import offerings, shapes
from sandbox.aws.rds.data.state import Instance, Step
from sandbox.aws.rds.operations.automated_backups import source_of_backups
from sandbox.aws.rds.operations.instances import STRUCTURED, described, new_instance
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service import snapshot_copies
from sandbox.aws.rds.service.backup_windows import window
from sandbox.aws.rds.service.region import Rds
from sandbox.postgres.cluster import Origin, backup_for, read_backups

COMMON = (
    "DBInstanceClass Port AvailabilityZone DBSubnetGroupName MultiAZ PubliclyAccessible AutoMinorVersionUpgrade"
    " LicenseModel Engine Iops StorageThroughput OptionGroupName Tags StorageType VpcSecurityGroupIds"
    " CopyTagsToSnapshot EnableIAMDatabaseAuthentication EnableCloudwatchLogsExports DBParameterGroupName"
    " DeletionProtection EnableCustomerOwnedIp NetworkType BackupTarget AllocatedStorage BackupRetentionPeriod"
    " PreferredBackupWindow DedicatedLogVolume CACertificateIdentifier EngineLifecycleSupport DBName"
)
# Of the source of a restore, not attributes of the new instance.
ORIGIN = (
    "DBSnapshotIdentifier", "SourceDBInstanceIdentifier", "TargetDBInstanceIdentifier", "RestoreTime",
    "UseLatestRestorableTime", "SourceDbiResourceId", "SourceDBInstanceAutomatedBackupsArn", "DBName", "Engine",
)  # fmt: skip


@operation(f"DBInstanceIdentifier DBSnapshotIdentifier {COMMON}")
def restore_db_instance_from_db_snapshot(rds: Rds, p: Shape) -> Shape:
    if not p.get("DBSnapshotIdentifier"):
        raise AwsError("InvalidParameterCombination", "DBSnapshotIdentifier is required.")
    snapshot_copies.refresh(rds)
    snapshot = rds.snapshot(p["DBSnapshotIdentifier"])
    name = snapshot.shape["DBSnapshotIdentifier"]
    if snapshot.shape["Status"] != "available":
        raise AwsError("InvalidDBSnapshotState", f"Cannot restore from snapshot {name}: it is not in available state.")
    source = {**snapshot.instance, "AllocatedStorage": snapshot.shape["AllocatedStorage"]}
    instance = new_instance(rds, p["DBInstanceIdentifier"], settings(source, p), p)
    origin = origin_folder(rds, instance)
    Origin.of_copy(rds.host, origin.folder, rds.host.snapshots / snapshot.folder)
    return begin(rds, instance, "RestoreDBInstanceFromDBSnapshot", f"Restored from snapshot {name}", None)


@operation(
    "SourceDBInstanceIdentifier TargetDBInstanceIdentifier RestoreTime UseLatestRestorableTime SourceDbiResourceId"
    f" SourceDBInstanceAutomatedBackupsArn MaxAllocatedStorage {COMMON}"
)
def restore_db_instance_to_point_in_time(rds: Rds, p: Shape) -> Shape:
    source = source_of_backups(rds, p)
    if bool(p.get("RestoreTime")) == bool(p.get("UseLatestRestorableTime")):
        raise AwsError(
            "InvalidParameterCombination",
            "Either RestoreTime or UseLatestRestorableTime must be specified, and not both.",
        )
    target = reachable(rds, source, p.get("RestoreTime"))
    instance = new_instance(rds, p["TargetDBInstanceIdentifier"], settings(source, p), p)
    root = rds.host.clusters / source["DbiResourceId"].lower()
    backup = backup_for(read_backups(root / "base"), target)
    if backup is None:
        del rds.state.instances[instance.identifier]
        raise outside(source, target)
    Origin.of_archive(rds.host, origin_folder(rds, instance).folder, backup, root / "archive")
    message = f"Restored from DB instance {source['DBInstanceIdentifier']} to {target:%Y-%m-%d %H:%M:%S} UTC"
    return begin(rds, instance, "RestoreDBInstanceToPointInTime", message, target)


def reachable(rds: Rds, source: Shape, requested: datetime | None) -> datetime:
    """The moment to restore to. Raises AwsError when it is outside the window."""
    restorable = window(rds, source)
    if restorable is None:
        raise AwsError(
            "InvalidDBInstanceState",
            f"DB instance {source['DBInstanceIdentifier']} has no automated backup yet: it can't be restored to a"
            " point in time.",
        )
    target: datetime = requested or restorable["LatestTime"]
    if not restorable["EarliestTime"] <= target <= restorable["LatestTime"]:
        raise outside(source, target, restorable)
    return target


def outside(source: Shape, target: datetime, restorable: Shape | None = None) -> AwsError:
    between = (
        f" Restorable times are {text(restorable['EarliestTime'])} to {text(restorable['LatestTime'])}."
        if restorable
        else ""
    )
    return AwsError(
        "InvalidParameterValue",
        f"The specified instance {source['DBInstanceIdentifier']} can't be restored to {text(target)}.{between}",
    )


def text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def settings(source: Shape, p: Shape) -> Shape:
    """What the new instance gets: inherited from the source, under what is passed. Raises AwsError."""
    engine = p.get("Engine", offerings.ENGINE)
    if engine != offerings.ENGINE:
        raise AwsError("InvalidParameterCombination", f"Cannot restore a postgres backup to engine {engine}.")
    if p.get("DBName"):
        raise AwsError("InvalidParameterCombination", "DBName isn't supported when restoring a postgres DB instance.")
    requested = shapes.answered(p, *STRUCTURED, *ORIGIN)
    if requested.get("AllocatedStorage", 1 << 20) < source["AllocatedStorage"]:
        raise AwsError(
            "InvalidParameterValue",
            f"Invalid storage size for engine name postgres: {requested['AllocatedStorage']} GiB is less than the"
            f" {source['AllocatedStorage']} GiB of the source.",
        )
    inherited = shapes.inherited(source)
    if "StorageType" in requested and requested["StorageType"] != source["StorageType"]:
        inherited.pop("Iops", None)
        inherited.pop("StorageThroughput", None)
    return {**inherited, **requested}


def origin_folder(rds: Rds, instance: Instance) -> Origin:
    return Origin(rds.host.clusters / f"{instance.resource_id.lower()}.origin")


def begin(rds: Rds, instance: Instance, operation_name: str, message: str, target: datetime | None) -> Shape:
    arguments: dict[str, Any] = {"operation": operation_name, "message": message, "target": target}
    backup = Step("back_up", "backing-up", {"operation": operation_name})
    after = backup if instance.shape["BackupRetentionPeriod"] else Step("forget_origin", "creating")
    rds.scheduler.submit(rds, instance, Step("restore", "creating", arguments), after)
    return {"DBInstance": described(instance)}
