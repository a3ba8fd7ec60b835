"""The tag that pins a dump's exact bytes for as long as the candidate lives. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from restore.model.dump import DumpVersion
from restore.model.planned import RecoveryPoint
from restore.model.request import Method
from restore.units import TIME_FORMAT


def format_tag_value(point: RecoveryPoint) -> str:
    """Returns `<begun> <stored> <bucket> <version>`: what neither a later run nor a new object of the same key may
    change. Raises ValueError for a point without a dump."""
    if point.dump is None or point.at is None or point.until is None:
        raise ValueError("no dump to pin")
    return f"{point.at:{TIME_FORMAT}} {point.until:{TIME_FORMAT}} {point.dump.bucket} {point.dump.version}"


def read_pinned(key: str, value: str) -> RecoveryPoint | None:
    """Returns the point as the candidate's tags have it; None when the tag that pins it is missing or damaged."""
    parts = value.split(" ")
    if len(parts) != len(("at", "until", "bucket", "version")):
        return None
    try:
        at, until = (datetime.strptime(part, TIME_FORMAT).replace(tzinfo=UTC) for part in parts[:2])
    except ValueError:
        return None
    return RecoveryPoint(method=Method.DUMP, dump=DumpVersion(parts[2], key, parts[3]), at=at, until=until)
