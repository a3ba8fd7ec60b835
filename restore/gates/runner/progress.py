"""The lines of a Job's log that a run here shows: each once, whenever it begins to follow. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

LINE = re.compile(r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (?P<text>.+)", re.ASCII)
LONGEST = 500
FIRST = 5
"""Lines of before that are shown of a Job that was already running."""


def stamp(moment: datetime, text: str) -> str:
    """Returns one line, with the moment (UTC) by which it is known again."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z {' '.join(text.split())}"


class Progress:
    """What was shown already."""

    def __init__(self, gate: str) -> None:
        self._prefix = f"{gate}: "
        self._last = ""

    def read_new(self, lines: Sequence[str]) -> Iterator[str]:
        """Yields the texts of the lines that came since, without the gate's name, printable and bounded."""
        matches = [match for line in lines if (match := LINE.fullmatch(line)) and match["at"] > self._last]
        for match in matches if self._last else matches[-FIRST:]:
            self._last = match["at"]
            text = match["text"].removeprefix(self._prefix)
            yield "".join(letter if letter.isprintable() else " " for letter in text)[:LONGEST]
