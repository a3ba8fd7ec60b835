"""Automated backups of one region that are kept in another as well."""

from __future__ import annotations

from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.operations.registry import operation
from sandbox.aws.rds.service.backup_windows import describe_replica
from sandbox.aws.rds.service.region import Rds


@operation("SourceDBInstanceArn BackupRetentionPeriod KmsKeyId PreSignedUrl Tags")
def start_db_instance_automated_backups_replication(rds: Rds, p: Shape) -> Shape:
    region = p["SourceDBInstanceArn"].split(":")[3]
    if region == rds.region:
        raise AwsError("InvalidParameterValue", "The source of a replication is in another Region.")
    instance = rds.scheduler.region(region).instance(p["SourceDBInstanceArn"])
    shape = instance.shape
    if not shape["BackupRetentionPeriod"]:
        raise AwsError("InvalidDBInstanceState", f"Automated backups are not enabled for {instance.identifier}.")
    if shape["StorageEncrypted"] and not p.get("KmsKeyId"):
        raise AwsError("InvalidParameterCombination", "KmsKeyId is required for an encrypted source.")
    rds.state.replicas[instance.resource_id] = {
        "region": region,
        "KmsKeyId": rds.shared.services.key(rds.region, p["KmsKeyId"]) if p.get("KmsKeyId") else None,
        "BackupRetentionPeriod": p.get("BackupRetentionPeriod", 7),
        "TagList": p.get("Tags", []),
        "shape": {},
    }
    arn = rds.arn("auto-backup", identifiers.backup_id(instance.resource_id))
    shape["DBInstanceAutomatedBackupsReplications"] = [{"DBInstanceAutomatedBackupsArn": arn}]
    return {"DBInstanceAutomatedBackup": describe_replica(rds, instance.resource_id)}


@operation("SourceDBInstanceArn")
def stop_db_instance_automated_backups_replication(rds: Rds, p: Shape) -> Shape:
    region = rds.scheduler.region(p["SourceDBInstanceArn"].split(":")[3])
    instance = region.instance(p["SourceDBInstanceArn"])
    if instance.resource_id not in rds.state.replicas:
        raise AwsError("DBInstanceAutomatedBackupNotFound", f"{instance.identifier} has no replicated backups here.")
    answer = describe_replica(rds, instance.resource_id)
    del rds.state.replicas[instance.resource_id]
    instance.shape.pop("DBInstanceAutomatedBackupsReplications", None)
    return {"DBInstanceAutomatedBackup": {**answer, "Status": "deleting"}}
