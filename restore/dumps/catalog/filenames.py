"""What a dump's key tells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SUFFIXES = (".sql", ".dump", ".dmp", ".backup", ".pgdump", ".tar", ".custom", ".pgc")
COMPRESSED = ("", ".gz", ".zst", ".lz4", ".bz2", ".xz")
ENDINGS = tuple(name + packed for name in SUFFIXES for packed in COMPRESSED)
TIME = re.compile(
    r"(?<!\d)(20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])"
    r"(?:[-_T ]?([01]\d|2[0-3])[-:_]?([0-5]\d)(?:[-:_]?([0-5]\d))?Z?)?(?!\d)"
)


def looks_like_dump(item: Mapping[str, Any]) -> bool:
    """Tells by its key whether an object, as ListObjectsV2 returns it, is a dump."""
    return str(item["Key"]).lower().endswith(ENDINGS)


def read_time(key: str) -> datetime | None:
    """Returns the last time written in a key, read as UTC: `.../prod-20251115-040000.sql.gz`, `2025-11-15T04:00Z`."""
    times = list(TIME.finditer(key))
    if not times:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in times[-1].groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
