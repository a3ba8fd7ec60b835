"""Progress for people where there is no terminal, and for programs; see bar.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TextIO

from restore.dumps.model import Progress
from restore.units import format_duration, format_size

LINE_SECONDS = 10.0


def format_line(progress: Progress) -> str:
    """Returns one line: phase, how much of the dump, rows, rate, what is left. Pure."""
    share = 100 * progress.bytes_read // max(1, progress.bytes_total)
    parts = [f"{progress.phase.value}: {share} % of {format_size(progress.bytes_total)} read, {progress.rows:,} rows"]
    if progress.phase.reads and progress.rate:
        parts.append(f"{format_size(progress.rate)}/s")
    if progress.tasks_total:
        parts.append(f"{progress.tasks_done} of {progress.tasks_total} indexes, keys and the like")
    if progress.left_seconds is not None and progress.phase.reads:
        parts.append(f"about {format_duration(timedelta(seconds=progress.left_seconds))} left in this phase")
    if progress.doing:
        more = f" and {len(progress.doing) - 3} more" if len(progress.doing) > 3 else ""
        parts.append(f"now {', '.join(progress.doing[:3])}{more}")
    return "; ".join(parts)


class Lines:
    """A line every ten seconds, and at each change of the phase."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._phase, self._said = say, None, 0.0

    def __call__(self, progress: Progress) -> None:
        if progress.phase == self._phase and progress.seconds - self._said < LINE_SECONDS:
            return
        self._phase, self._said = progress.phase, progress.seconds
        self._say(format_line(progress))


class JsonLines(Lines):
    """The same moments as JSON."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(lambda _: None)
        self._stream = stream

    def __call__(self, progress: Progress) -> None:
        self._stream.write(json.dumps(progress.as_json()) + "\n")
        self._stream.flush()
