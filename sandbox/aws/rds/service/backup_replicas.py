"""Automated backups that another region keeps as well, and what they need of their source."""

from __future__ import annotations

from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data.state import Store
from sandbox.aws.rds.service.region import Rds, snapshot_of


def source_shape(rds: Rds, resource: str) -> Shape:
    """The source's shape, as restores in this region see it."""
    entry = rds.state.replicas[resource]
    source = rds.scheduler.region(entry["region"])
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
