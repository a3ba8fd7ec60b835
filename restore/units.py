"""Times, durations and sizes as people say them."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from validation.terminal import format_size
from validation.times import format_time

__all__ = ["TIME_FORMAT", "format_duration", "format_moment", "format_precise_duration", "format_size"]

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
"""How configuration, tags and AWS write a UTC time."""
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def parse_date(header: str | None) -> datetime | None:
    """Returns the time of an HTTP Date header; None for none, or what is no date."""
    try:
        return parsedate_to_datetime(header) if header else None
    except ValueError:
        return None


def format_moment(moment: datetime | None) -> str:
    """Returns a UTC time for people: `2026-11-22 14:30:00 UTC`; empty for none."""
    return format_time(moment) if moment else ""


def format_duration(duration: timedelta) -> str:
    """Returns the largest unit and the next: `2 d 3 h`, `1 h 12 min`, `45 s`, `0 s`."""
    left = round(max(0.0, duration.total_seconds()))
    counts: list[tuple[int, str]] = []
    for unit, seconds in UNITS:
        count, left = divmod(left, seconds)
        if count or counts:
            counts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in counts[:2] if count) or "0 s"


def format_precise_duration(duration: timedelta) -> str:
    """Returns what `format_duration` returns, with tenths below ten seconds: `0.4 s`."""
    seconds = max(0.0, duration.total_seconds())
    return f"{seconds:.1f} s" if seconds < 10 else format_duration(duration)
