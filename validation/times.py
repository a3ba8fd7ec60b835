"""Times as the server tells them, and as documents and reports have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal


def from_epoch(seconds: Decimal | float) -> datetime | None:
    """Returns the time so many seconds after 1970, to the microsecond; None for infinity and beyond a datetime."""
    exact = Decimal(str(seconds))
    if not exact.is_finite():
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(exact * 1_000_000))
    except OverflowError:
        return None


def format_time(at: datetime) -> str:
    """Returns a UTC time to the second: `2026-11-22 14:30:00 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def format_time_micros(at: datetime) -> str:
    """Returns a UTC time to the microsecond."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def format_rfc3339(at: datetime) -> str:
    """Returns the time in UTC, as short as it can be told."""
    return _to_utc(at, "auto")


def format_rfc3339_micros(at: datetime) -> str:
    """Returns the time in UTC, always with microseconds."""
    return _to_utc(at, "microseconds")


def _to_utc(at: datetime, timespec: str) -> str:
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
