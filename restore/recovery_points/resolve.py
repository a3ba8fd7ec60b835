"""Which recovery point is meant. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from restore.model.context import RestoreContext
from restore.model.labels import TAG_DUMP, TAG_POINT, TAG_SOURCE
from restore.model.planned import RecoveryPoint
from restore.model.rds import Instance
from restore.model.request import Method
from restore.model.restore_source import Resolution, RestoreSource
from restore.recovery_points import dump_tag, dumps
from restore.recovery_points.point_in_time import resolve_time
from restore.recovery_points.snapshots import find_snapshot, resolve_snapshot
from restore.units import TIME_FORMAT


def resolve(context: RestoreContext) -> Resolution:
    """Returns the recovery point: that of the candidate where it exists, otherwise one of what RDS has."""
    if context.candidate:
        return Resolution(_build_candidate_source(context, context.candidate))
    ways = {Method.SNAPSHOT: resolve_snapshot, Method.PITR: resolve_time, Method.DUMP: dumps.resolve_dump}
    return ways[context.request.method](context)


def _build_candidate_source(context: RestoreContext, candidate: Instance) -> RestoreSource:
    tag = candidate.tags.get(TAG_POINT, context.request.recovery_point)
    point = replace(_read_point(context, candidate, tag), source_resource_id=candidate.tags.get(TAG_SOURCE), tag=tag)
    return RestoreSource(
        point=point,
        engine_version=candidate.engine_version,
        storage=0,
        encrypted=candidate.storage_encrypted,
        kms_key_id=candidate.kms_key_id,
        settings=candidate.settings,
    )


def _read_point(context: RestoreContext, candidate: Instance, tag: str) -> RecoveryPoint:
    method, _, value = tag.partition(":")
    if method == Method.SNAPSHOT:
        if context.copy:
            at = context.copy.created
            return RecoveryPoint(Method.SNAPSHOT, snapshot=context.copy.identifier, copy_of=value, at=at)
        snapshot = find_snapshot(context.inventory, value)
        return RecoveryPoint(Method.SNAPSHOT, snapshot=value, at=snapshot.created if snapshot else None)
    if method == Method.DUMP:
        return dump_tag.read_pinned(value, candidate.tags.get(TAG_DUMP, "")) or RecoveryPoint(Method.DUMP)
    time = _parse_time(value.partition("@")[0]) if method == Method.PITR else None
    return RecoveryPoint(context.request.method, time=time, latest=method == Method.PITR and time is None, at=time)


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
