"""From the sandbox's seconds to the real world's. Pure.

While RDS is at work that somebody waits for a second stands for as many as the pace says; every other second is one,
for the programs, the database and the cluster run at their own speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Seconds since the epoch."""

    began: float
    ended: float


def busy_seconds(within: Span, work: Iterable[Span]) -> float:
    """Returns in how many of these seconds some of the work went on; what goes on in parallel counts once."""
    busy, until = 0.0, within.began
    for span in sorted(work, key=lambda item: item.began):
        began, ended = max(span.began, until), min(span.ended, within.ended)
        busy += max(0.0, ended - began)
        until = max(until, ended)
    return busy


def real_seconds(within: Span, work: Sequence[Span], factor: float) -> float:
    """Returns how long this would have taken with RDS at its real pace, `factor` times as slow."""
    busy = busy_seconds(within, work)
    return (within.ended - within.began - busy) + busy * factor
