"""Times as RDS answers them: whole milliseconds, never promising more than is there (pure)."""

from __future__ import annotations

from datetime import datetime, timedelta


def whole_ms(time: datetime) -> datetime:
    """The millisecond that a time lies in: for the end of a window."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def next_ms(time: datetime) -> datetime:
    """The first whole millisecond not before a time: for the beginning of a window."""
    down = whole_ms(time)
    return down if down == time else down + timedelta(milliseconds=1)
