"""Automated backups: the window that can be restored, of present instances and of deleted ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service import backup_replicas
from sandbox.aws.rds.service.backup_windows import describe, describe_replica, window
from sandbox.aws.rds.service.region import Rds
from sandbox.postgres.files import remove_tree

FILTERS: dict[str, Callable[[Shape], Iterable[str]]] = {
    "status": lambda s: (s["Status"],),
    "db-instance-id": lambda s: (s["DBInstanceIdentifier"], s["DBInstanceArn"]),
    "dbi-resource-id": lambda s: (s["DbiResourceId"],),
}


def source_of_backups(rds: Rds, p: Shape) -> Shape:
    """The shape of what a point-in-time restore names. Raises AwsError."""
    named = [
        k
        for k in ("SourceDBInstanceIdentifier", "SourceDbiResourceId", "SourceDBInstanceAutomatedBackupsArn")
        if p.get(k)
    ]
    if len(named) != 1:
        raise AwsError(
            "InvalidParameterCombination",
            "Exactly one of SourceDBInstanceIdentifier, SourceDbiResourceId and SourceDBInstanceAutomatedBackupsArn"
            " must be specified.",
        )
    if named[0] == "SourceDBInstanceIdentifier":
        source = rds.instance(p[named[0]]).shape
    else:
        source = _by_id(rds, p[named[0]], by_arn=named[0].endswith("Arn"))
    if not source["BackupRetentionPeriod"]:
        raise AwsError(
            "PointInTimeRestoreNotEnabled",
            f"Automated backups are not enabled for DB instance {source['DBInstanceIdentifier']}.",
        )
    return source


def _by_id(rds: Rds, value: str, *, by_arn: bool) -> Shape:
    shapes_ = [i.shape for i in rds.state.instances.values()] + list(rds.state.retained.values())
    shapes_ += [backup_replicas.source_shape(rds, resource) for resource in rds.state.replicas]
    for shape in shapes_:
        identifier = identifiers.backup_id(shape["DbiResourceId"]) if by_arn else shape["DbiResourceId"]
        if identifier == (identifiers.plain(value, "auto-backup") if by_arn else value):
            return shape
    raise AwsError("DBInstanceAutomatedBackupNotFound", f"DBInstanceAutomatedBackup {value} not found.")


@operation("DbiResourceId DBInstanceIdentifier Filters DBInstanceAutomatedBackupsArn")
def describe_db_instance_automated_backups(rds: Rds, p: Shape) -> Shape:
    backups = [*_present(rds), *_retained(rds), *(describe_replica(rds, r) for r in rds.state.replicas)]
    tests: tuple[tuple[str, str], ...] = (
        ("DbiResourceId", p.get("DbiResourceId", "")),
        ("DBInstanceIdentifier", identifiers.plain(p.get("DBInstanceIdentifier", ""), "db")),
        ("DBInstanceAutomatedBackupsArn", p.get("DBInstanceAutomatedBackupsArn", "")),
    )
    for key, value in tests:
        if not value:
            continue
        backups = [b for b in backups if b[key] == value]
        if not backups:
            raise AwsError("DBInstanceAutomatedBackupNotFound", f"DBInstanceAutomatedBackup {value} not found.")
    return {"DBInstanceAutomatedBackups": filtered(backups, p.get("Filters", []), FILTERS)}


def _present(rds: Rds) -> list[Shape]:
    shapes_ = [i.shape for i in rds.state.instances.values() if i.shape["BackupRetentionPeriod"]]
    return [describe(rds, s, "active" if window(rds, s) else "creating") for s in shapes_]


def _retained(rds: Rds) -> list[Shape]:
    return [describe(rds, s, "retained") for s in rds.state.retained.values()]


@operation("DbiResourceId DBInstanceAutomatedBackupsArn")
def delete_db_instance_automated_backup(rds: Rds, p: Shape) -> Shape:
    by_arn = bool(p.get("DBInstanceAutomatedBackupsArn"))
    shape = _by_id(rds, p.get("DBInstanceAutomatedBackupsArn") or p.get("DbiResourceId", ""), by_arn=by_arn)
    resource = shape["DbiResourceId"]
    if resource not in rds.state.retained:
        raise AwsError("InvalidDBInstanceAutomatedBackupState", "Only retained automated backups can be deleted.")
    answer = describe(rds, rds.state.retained.pop(resource), "deleting")
    remove_tree(rds.host.clusters / resource.lower())
    for name, snapshot in list(rds.state.snapshots.items()):
        if snapshot.shape["SnapshotType"] == "automated" and snapshot.shape["DbiResourceId"] == resource:
            remove_tree(rds.host.snapshots / snapshot.folder)
            del rds.state.snapshots[name]
    return {"DBInstanceAutomatedBackup": answer}
