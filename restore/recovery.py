"""Which recovery point is meant. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from restore.case import TIME_FORMAT, Case
from restore.model import TAG_POINT, TAG_SOURCE, Instance, Method, RecoveryPoint
from restore.origin import Origin, Resolved
from restore.snapshots import find_snapshot, resolve_snapshot
from restore.windows import resolve_time


def resolve(case: Case) -> Resolved:
    """The recovery point: that of the candidate where it exists, else looked up in what RDS has."""
    if case.candidate:
        return Resolved(_of_candidate(case, case.candidate))
    return resolve_snapshot(case) if case.request.method is Method.SNAPSHOT else resolve_time(case)


def _of_candidate(case: Case, candidate: Instance) -> Origin:
    tag = candidate.tags.get(TAG_POINT, case.request.recovery_point)
    method, _, value = tag.partition(":")
    snapshot = find_snapshot(case.inventory, value) if method == Method.SNAPSHOT else None
    time = _parsed(value) if method == Method.PITR else None
    return Origin(
        point=RecoveryPoint(
            method=case.request.method,
            snapshot=value if method == Method.SNAPSHOT else None,
            time=time,
            latest=method == Method.PITR and time is None,
            source_resource_id=candidate.tags.get(TAG_SOURCE),
            tag=tag,
            at=time or (snapshot.created if snapshot else None),
        ),
        engine_version=candidate.engine_version,
        storage=0,
        encrypted=candidate.storage_encrypted,
        kms_key_id=candidate.kms_key_id,
        settings=candidate.settings,
    )


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
