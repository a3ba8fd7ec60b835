"""Automated backups of one region that are kept in another as well."""

from __future__ import annotations

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.data.state import Store
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service.region import Rds, snapshot_of


def shape_of(rds: Rds, resource: str) -> Shape:
    """The source's shape, as restores in this region see it."""
    entry = rds.state.replicas[resource]
    source = rds.runner.region(entry["region"])
    live = source.by_resource(resource)
    shape = live.shape if live else source.state.retained.get(resource) or entry["shape"]
    keys = {"BackupRetentionPeriod": entry["BackupRetentionPeriod"], "KmsKeyId": entry["KmsKeyId"]}
    return {**shape, **{k: v for k, v in keys.items() if v is not None}, "TagList": entry["TagList"]}


def replicated(store: Store, resource: str) -> bool:
    return any(resource in region.replicas for region in store.regions.values())


def remember(store: Store, resource: str, shape: Shape) -> None:
    """The source goes; its replicas stay, and need its settings."""
    for region in store.regions.values():
        if entry := region.replicas.get(resource):
            entry["shape"] = snapshot_of(shape)


@operation("SourceDBInstanceArn BackupRetentionPeriod KmsKeyId PreSignedUrl Tags")
def start_db_instance_automated_backups_replication(rds: Rds, p: Shape) -> Shape:
    region = p["SourceDBInstanceArn"].split(":")[3]
    if region == rds.region:
        raise AwsError("InvalidParameterValue", "The source of a replication is in another Region.")
    instance = rds.runner.region(region).instance(p["SourceDBInstanceArn"])
    shape = instance.shape
    if not shape["BackupRetentionPeriod"]:
        raise AwsError("InvalidDBInstanceState", f"Automated backups are not enabled for {instance.identifier}.")
    if shape["StorageEncrypted"] and not p.get("KmsKeyId"):
        raise AwsError("InvalidParameterCombination", "KmsKeyId is required for an encrypted source.")
    rds.state.replicas[instance.resource_id] = {
        "region": region,
        "KmsKeyId": rds.shared.neighbours.key(rds.region, p["KmsKeyId"]) if p.get("KmsKeyId") else None,
        "BackupRetentionPeriod": p.get("BackupRetentionPeriod", 7),
        "TagList": p.get("Tags", []),
        "shape": {},
    }
    arn = rds.arn("auto-backup", identifiers.backup_id(instance.resource_id))
    shape["DBInstanceAutomatedBackupsReplications"] = [{"DBInstanceAutomatedBackupsArn": arn}]
    return {"DBInstanceAutomatedBackup": described(rds, instance.resource_id)}


@operation("SourceDBInstanceArn")
def stop_db_instance_automated_backups_replication(rds: Rds, p: Shape) -> Shape:
    region = rds.runner.region(p["SourceDBInstanceArn"].split(":")[3])
    instance = region.instance(p["SourceDBInstanceArn"])
    if instance.resource_id not in rds.state.replicas:
        raise AwsError("DBInstanceAutomatedBackupNotFound", f"{instance.identifier} has no replicated backups here.")
    answer = described(rds, instance.resource_id)
    del rds.state.replicas[instance.resource_id]
    instance.shape.pop("DBInstanceAutomatedBackupsReplications", None)
    return {"DBInstanceAutomatedBackup": {**answer, "Status": "deleting"}}


def described(rds: Rds, resource: str) -> Shape:
    from sandbox.aws.rds.operations.automated_backups import describe_one

    return describe_one(rds, shape_of(rds, resource), "replicating")
