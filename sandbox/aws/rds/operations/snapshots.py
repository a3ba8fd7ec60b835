"""DB snapshots: made, described, copied, shared, deleted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

from sandbox.aws import ACCOUNT
from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.data.state import Instance, Snapshot, Step
from sandbox.aws.rds.operations.instances import ready
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service import snapshot_copies
from sandbox.aws.rds.service.region import Rds, now, snapshot_of
from sandbox.aws.rds.service.snapshot_data import begin_snapshot, check_name
from sandbox.postgres.files import remove_tree


@operation("DBInstanceIdentifier DBSnapshotIdentifier Tags")
def create_db_snapshot(rds: Rds, p: Shape) -> Shape:
    identifier = identifiers.checked(p["DBSnapshotIdentifier"], "DBSnapshotIdentifier", identifiers.SNAPSHOT_LENGTH)
    instance = rds.instance(p["DBInstanceIdentifier"])
    check_name(rds, identifier)
    ready(
        instance,
        f"Cannot create a snapshot because the database instance {instance.identifier} is not currently in the"
        " available state.",
    )
    return {"DBSnapshot": start(rds, instance, identifier, "manual", p.get("Tags", []))}


def start(rds: Rds, instance: Instance, identifier: str, kind: str, tags: list[Shape]) -> Shape:
    snapshot = begin_snapshot(rds, instance, identifier, kind, tags)
    rds.event("db-snapshot", identifier, f"Creating {kind} snapshot", "creation")
    rds.scheduler.submit(rds, instance, Step("take_snapshot", "backing-up", {"snapshot": identifier}))
    return snapshot_of(snapshot.shape)


FILTERS: dict[str, Callable[[Shape], Iterable[str]]] = {
    "db-instance-id": lambda s: (
        s["DBInstanceIdentifier"],
        s["DBSnapshotArn"].rpartition(":snapshot:")[0] + ":db:" + s["DBInstanceIdentifier"],
    ),
    "db-snapshot-id": lambda s: (s["DBSnapshotIdentifier"], s["DBSnapshotArn"]),
    "dbi-resource-id": lambda s: (s["DbiResourceId"],),
    "snapshot-type": lambda s: (s["SnapshotType"],),
    "engine": lambda s: (s["Engine"],),
}
KINDS = frozenset({"automated", "manual", "awsbackup", "shared", "public"})


@operation("DBInstanceIdentifier DBSnapshotIdentifier SnapshotType Filters IncludeShared IncludePublic DbiResourceId")
def describe_db_snapshots(rds: Rds, p: Shape) -> Shape:
    kind = p.get("SnapshotType")
    if kind and kind not in KINDS:
        raise AwsError("InvalidParameterValue", f"Invalid snapshot type: {kind}")
    snapshot_copies.refresh(rds)
    if identifier := p.get("DBSnapshotIdentifier"):
        snapshots = [rds.snapshot(identifier)]
    else:
        snapshots = list(rds.state.snapshots.values())
    if name := p.get("DBInstanceIdentifier"):
        source = identifiers.plain(name, "db")
        snapshots = [s for s in snapshots if s.shape["DBInstanceIdentifier"] == source]
    if resource := p.get("DbiResourceId"):
        snapshots = [s for s in snapshots if s.shape["DbiResourceId"] == resource]
    shapes_ = [snapshot_of(s.shape) for s in snapshots if kind in (None, s.shape["SnapshotType"])]
    return {"DBSnapshots": filtered(shapes_, p.get("Filters", []), FILTERS)}


@operation("SourceDBSnapshotIdentifier TargetDBSnapshotIdentifier KmsKeyId Tags CopyTags PreSignedUrl OptionGroupName")
def copy_db_snapshot(rds: Rds, p: Shape) -> Shape:
    source = _source(rds, p["SourceDBSnapshotIdentifier"])
    identifier = identifiers.checked(
        p["TargetDBSnapshotIdentifier"], "TargetDBSnapshotIdentifier", identifiers.SNAPSHOT_LENGTH
    )
    check_name(rds, identifier)
    if source.shape["Status"] != "available":
        name = source.shape["DBSnapshotIdentifier"]
        raise AwsError("InvalidDBSnapshotState", f"Cannot copy a snapshot that is not in available state: {name}")
    folder = f"snap-{secrets.token_hex(8)}"
    rds.host.link(rds.host.snapshots / source.folder, rds.host.snapshots / folder)
    shape: Shape = {
        **snapshot_of(source.shape),
        "DBSnapshotIdentifier": identifier,
        "DBSnapshotArn": rds.arn("snapshot", identifier),
        "SnapshotType": "manual",
        "SnapshotCreateTime": now(),
        "SourceDBSnapshotIdentifier": source.shape["DBSnapshotArn"],
        "TagList": p.get("Tags") or (source.shape["TagList"] if p.get("CopyTags") else []),
        "Status": "available",
        "PercentProgress": 100,
    }
    region = source.shape["DBSnapshotArn"].split(":")[3]
    if region != rds.region:
        shape["SourceRegion"] = region
        if shape["Encrypted"] and not p.get("KmsKeyId"):
            raise AwsError("InvalidParameterCombination", "KmsKeyId is required to copy an encrypted snapshot here.")
    if key := p.get("KmsKeyId"):
        shape |= {"KmsKeyId": rds.shared.services.key(rds.region, key), "Encrypted": True}
    instance = {**source.instance, "KmsKeyId": shape.get("KmsKeyId"), "StorageEncrypted": shape["Encrypted"]}
    made = rds.state.snapshots[identifier] = Snapshot(shape, folder, instance)
    fault = rds.shared.faults.take("slow-copy", "CopyDBSnapshot")
    snapshot_copies.begin(made, fault.seconds if fault else rds.shared.pace.others, region)
    if shape["Status"] == "available":
        rds.event("db-snapshot", identifier, "Snapshot copied", "creation")
    return {"DBSnapshot": snapshot_of(shape)}


def _source(rds: Rds, identifier: str) -> Snapshot:
    parts = identifier.split(":", 6)
    region = parts[3] if identifier.startswith("arn:") and len(parts) == 7 else rds.region
    return rds.scheduler.region(region).snapshot(identifier)


@operation("DBSnapshotIdentifier")
def delete_db_snapshot(rds: Rds, p: Shape) -> Shape:
    snapshot = rds.snapshot(p["DBSnapshotIdentifier"])
    name, kind = snapshot.shape["DBSnapshotIdentifier"], snapshot.shape["SnapshotType"]
    if kind != "manual":
        word = "automated" if kind == "automated" else "AWS Backup"
        raise AwsError("InvalidDBSnapshotState", f"Only manual snapshots may be deleted. {name} is an {word} snapshot.")
    if snapshot.shape["Status"] == "creating":
        raise AwsError(
            "InvalidDBSnapshotState",
            f"Cannot delete the snapshot because it is not currently in the available or failed state: {name}",
        )
    del rds.state.snapshots[name]
    rds.state.tags.pop(snapshot.shape["DBSnapshotArn"], None)
    remove_tree(rds.host.snapshots / snapshot.folder)
    rds.event("db-snapshot", name, "Deleted manual snapshot", "deletion")
    return {"DBSnapshot": {**snapshot.shape, "Status": "deleted"}}


@operation("DBSnapshotIdentifier")
def describe_db_snapshot_attributes(rds: Rds, p: Shape) -> Shape:
    return {"DBSnapshotAttributesResult": attributes(rds.snapshot(p["DBSnapshotIdentifier"]))}


@operation("DBSnapshotIdentifier AttributeName ValuesToAdd ValuesToRemove")
def modify_db_snapshot_attribute(rds: Rds, p: Shape) -> Shape:
    if p["AttributeName"] != "restore":
        raise AwsError("InvalidParameterValue", f"Invalid attribute name: {p['AttributeName']}")
    snapshot = rds.snapshot(p["DBSnapshotIdentifier"])
    if snapshot.shape["SnapshotType"] != "manual":
        raise AwsError("InvalidDBSnapshotState", "Only manual snapshots can be shared.")
    shared: list[str] = snapshot.instance.setdefault("SharedWith", [])
    shared[:] = [a for a in [*shared, *p.get("ValuesToAdd", [])] if a not in p.get("ValuesToRemove", [])]
    return {"DBSnapshotAttributesResult": attributes(snapshot)}


def attributes(snapshot: Snapshot) -> Shape:
    values = list(snapshot.instance.get("SharedWith", []))
    return {
        "DBSnapshotIdentifier": snapshot.shape["DBSnapshotIdentifier"],
        "DBSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": values}],
    }


def take_by_backup_service(rds: Rds, instance_id: str, identifier: str | None) -> Shape:
    """A snapshot as AWS Backup takes one: type awsbackup, named by its job."""
    instance = rds.instance(instance_id)
    ready(instance)
    tags = [{"Key": "aws:backup:source-resource", "Value": f"{ACCOUNT}:{instance.identifier}"}]
    return start(rds, instance, identifier or f"awsbackup:job-{secrets.token_hex(16)}", "awsbackup", tags)
