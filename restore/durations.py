"""Durations and sizes as people say them."""

from __future__ import annotations

from datetime import timedelta

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def spoken(duration: timedelta) -> str:
    """The two largest units: `2 d 3 h`, `1 h 12 min`, `45 s`, `0 s`."""
    left = max(0, int(duration.total_seconds()))
    parts: list[str] = []
    for unit, seconds in UNITS:
        count, left = divmod(left, seconds)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    said = [part for part in parts if not part.startswith("0 ")]
    return " ".join(said) or "0 s"


def sized(count: float) -> str:
    """Bytes in the largest unit, in powers of 1000 as AWS and rich count: `2.5 GB`, `812.0 kB`, `12 B`."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"
