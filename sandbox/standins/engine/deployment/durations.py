"""Go durations, as in custom timeouts: `1h30m`, `45s`, `100ms`; a bare number is seconds."""

from __future__ import annotations

import re

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
PART = re.compile(r"([\d.]+)(ms|[hms])?")


def seconds(text: str) -> float:
    """Raises ValueError for a text that is no duration."""
    if text and PART.sub("", text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(float(number) * UNITS[unit or "s"] for number, unit in PART.findall(text))
