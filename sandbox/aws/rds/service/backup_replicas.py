"""Automated backups that another region keeps as well, and what they need of their source."""

from __future__ import annotations

from datetime import datetime, timedelta

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
    known = {k: v for k, v in keys.items() if v is not None}
    return {**shape, **known, "LatestRestorableTime": arrived(shape, entry), "TagList": entry["TagList"]}


def arrived(shape: Shape, entry: Shape) -> datetime | None:
    """The last moment that has come over: behind the source's by the lag, or that at which its region went dark."""
    latest: datetime | None = shape.get("LatestRestorableTime")
    behind = latest - timedelta(seconds=entry.get("lag", 0)) if latest else None
    held: datetime | None = entry.get("held")
    return min(held, behind) if held and behind else behind


def hold(rds: Rds, source_region: str, *, held: bool) -> None:
    """Nothing comes over from a region that is dark."""
    for resource, entry in rds.state.replicas.items():
        if entry["region"] != source_region:
            continue
        entry.pop("held", None)
        if held:
            entry["held"] = source_shape(rds, resource)["LatestRestorableTime"]


def set_lag(rds: Rds, lag: timedelta) -> None:
    """How far the replicas of this region are behind."""
    for entry in rds.state.replicas.values():
        entry["lag"] = lag.total_seconds()


def replicated(store: Store, resource: str) -> bool:
    return any(resource in region.replicas for region in store.regions.values())


def remember(store: Store, resource: str, shape: Shape) -> None:
    """The source goes; its replicas stay, and need its settings."""
    for region in store.regions.values():
        if entry := region.replicas.get(resource):
            entry["shape"] = snapshot_of(shape)
