"""What the rights to an operation of RDS depend on besides the request: the tags and the key of what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.service.region import Rds, Scheduler

COPY = "CopyDBSnapshot"
SNAPSHOT, TO_TIME, NEW = "RestoreDBInstanceFromDBSnapshot", "RestoreDBInstanceToPointInTime", "CreateDBInstance"


class RdsWorld:
    """The regions of one gateway, as the guard asks for them."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def tags(self, region: str, arn: str) -> Mapping[str, str]:
        """The tags of an instance, a snapshot or a group; none for what doesn't exist."""
        rds = self._scheduler.region(region)
        with rds.store.lock:
            kind, _, name = arn.split(":", 5)[-1].partition(":")
            holders = {"db": rds.state.instances, "snapshot": rds.state.snapshots}.get(kind, {})
            held = holders.get(name)
            tags = held.shape.get("TagList", []) if held else rds.state.tags.get(arn, [])
            return {tag["Key"]: tag.get("Value", "") for tag in tags}

    def key(self, region: str, operation: str, parameters: Mapping[str, Any]) -> str | None:
        """The key of one's own that a new instance is encrypted with; None for the one that RDS has itself."""
        rds = self._scheduler.region(region)
        with rds.store.lock:
            key = _key(rds, operation, parameters)
        return key if key and key != rds.shared.services.key(region, None) else None


def _key(rds: Rds, operation: str, parameters: Mapping[str, Any]) -> str | None:
    if operation == NEW:
        key = parameters.get("KmsKeyId")
        return rds.shared.services.key(rds.region, key) if key else None
    if operation == SNAPSHOT:
        snapshot = rds.state.snapshots.get(identifiers.plain(parameters.get("DBSnapshotIdentifier", ""), "snapshot"))
        return snapshot.shape.get("KmsKeyId") if snapshot else None
    if operation == COPY:
        asked = parameters.get("KmsKeyId")
        return rds.shared.services.key(rds.region, asked) if asked else None
    if operation == TO_TIME and (arn := parameters.get("SourceDBInstanceAutomatedBackupsArn")):
        kept = {identifiers.backup_id(resource): entry for resource, entry in rds.state.replicas.items()}
        return kept.get(identifiers.plain(arn, "auto-backup"), {}).get("KmsKeyId")
    if operation == TO_TIME:
        name = identifiers.plain(parameters.get("SourceDBInstanceIdentifier", ""), "db")
        source = rds.state.instances.get(name)
        return source.shape.get("KmsKeyId") if source else None
    return None
