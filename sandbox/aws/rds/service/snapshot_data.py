"""The content of DB snapshots: registered, copied from the cluster, finished."""

from __future__ import annotations

import secrets
from datetime import datetime

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import shapes
from sandbox.aws.rds.data.state import Instance, Snapshot
from sandbox.aws.rds.service import limits
from sandbox.aws.rds.service.region import Rds, now, snapshot_of


def begin_snapshot(rds: Rds, instance: Instance, identifier: str, kind: str, tags: list[Shape]) -> Snapshot:
    """Registers a snapshot that is to be taken. Raises AwsError."""
    check_name(rds, identifier)
    shape = shapes.snapshot(instance.shape, identifier, rds.arn("snapshot", identifier), kind, now())
    shape["TagList"] = tags or (instance.shape["TagList"] if instance.shape["CopyTagsToSnapshot"] else [])
    snapshot = Snapshot(shape, f"snap-{secrets.token_hex(8)}", snapshot_of(instance.shape))
    rds.state.snapshots[identifier] = snapshot
    return snapshot


def check_name(rds: Rds, identifier: str) -> None:
    """Raises AwsError when a snapshot has that name, or when there is no room for another manual one."""
    if identifier in rds.state.snapshots:
        raise AwsError(
            "DBSnapshotAlreadyExists",
            f"Cannot create the snapshot because a snapshot with the identifier {identifier} already exists.",
        )
    quota = limits.quota(rds, "ManualSnapshots")
    if limits.used(rds)["ManualSnapshots"] >= quota:
        raise AwsError("SnapshotQuotaExceeded", f"Cannot create more than {quota} manual snapshots")


def copy_cluster(rds: Rds, instance: Instance, snapshot: Snapshot) -> None:
    """Copies the running cluster."""
    backup = rds.cluster(instance).copy_out(rds.host.snapshots / snapshot.folder)
    with rds.store.lock:
        snapshot.shape["SnapshotDatabaseTime"] = backup.ended
        snapshot.shape["PercentProgress"] = 50


def finish_snapshot(rds: Rds, snapshot: Snapshot) -> None:
    snapshot.shape |= {"Status": "available", "PercentProgress": 100}
    kind = snapshot.shape["SnapshotType"]
    word = "Automated" if kind == "automated" else "Manual"
    rds.event("db-snapshot", snapshot.shape["DBSnapshotIdentifier"], f"{word} snapshot created", "creation")


def add_automated(rds: Rds, instance: Instance, name: str, folder: str, ended: datetime) -> None:
    """Registers the automated snapshot of a finished backup; a second one of the same minute gets a number."""
    unique, number = name, 1
    while unique in rds.state.snapshots and rds.state.snapshots[unique].folder != folder:
        number += 1
        unique = f"{name}-{number}"
    shape = shapes.snapshot(instance.shape, unique, rds.arn("snapshot", unique), "automated", ended)
    shape["SnapshotDatabaseTime"] = ended
    shape["TagList"] = instance.shape["TagList"] if instance.shape["CopyTagsToSnapshot"] else []
    snapshot = Snapshot(shape, folder, snapshot_of(instance.shape))
    rds.state.snapshots[unique] = snapshot
    finish_snapshot(rds, snapshot)
