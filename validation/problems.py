"""What is wrong, as every message says it: found, needed, fix."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what was found, what is needed, and how to fix it."""

    subject: str
    found: str
    needed: str
    fix: str

    def __str__(self) -> str:
        return f"{self.subject}\n  found:  {self.found}\n  needed: {self.needed}\n  fix:    {self.fix}"

    @property
    def line(self) -> str:
        """The same on one line."""
        return f"{self.subject}: found {self.found}, needs {self.needed}; {self.fix}"


def list_problems(problems: Sequence[Problem]) -> str:
    """Returns all problems as one message, numbered when there are several."""
    if len(problems) == 1:
        return str(problems[0])
    return "\n".join(f"{number}. {problem}" for number, problem in enumerate(problems, 1))


def find_waiver(name: str, waivers: Mapping[str, str]) -> str | None:
    """Returns the reason that waives a check, given for its name (`rows:users`) or its family (`rows`), or None."""
    return waivers.get(name) or waivers.get(name.partition(":")[0])


def show_value(value: object) -> str:
    """Returns the value for a message, on one line and never longer than is useful."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    cut = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "..."
    return json.dumps(cut, ensure_ascii=False) if isinstance(value, str) else cut
