"""The window that automated backups can be restored to, and their description."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers, shapes
from sandbox.aws.rds.data.timestamps import next_ms
from sandbox.aws.rds.service.backup_replicas import source_shape
from sandbox.aws.rds.service.region import Rds, now
from sandbox.postgres.cluster import read_backups


def window(rds: Rds, source: Shape) -> Shape | None:
    """RestoreWindow of an instance or of retained backups, if anything can be restored yet."""
    backups = read_backups(rds.host.clusters / source["DbiResourceId"].lower() / "base")
    latest: datetime | None = source.get("LatestRestorableTime")
    if not backups or latest is None:
        return None
    oldest = now() - timedelta(days=int(source["BackupRetentionPeriod"]))
    earliest = next_ms(max(backups[0].ended, oldest))
    return {"EarliestTime": earliest, "LatestTime": latest} if earliest <= latest else None


def describe(rds: Rds, shape: Shape, status: str, region: str = "") -> Shape:
    """`region`: of the instance, where it isn't this one."""
    arn = rds.arn("auto-backup", identifiers.backup_id(shape["DbiResourceId"]))
    return shapes.automated_backup(shape, arn, region or rds.region, status, window(rds, shape))


def describe_replica(rds: Rds, resource: str) -> Shape:
    return describe(rds, source_shape(rds, resource), "replicating", rds.state.replicas[resource]["region"])
