"""What is wrong, as every message says it: found, needed, fix; collected, so that all is reported at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


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


def listed(problems: Sequence[Problem]) -> str:
    """All problems as one message, numbered when there are several."""
    if len(problems) == 1:
        return str(problems[0])
    return "\n".join(f"{number}. {problem}" for number, problem in enumerate(problems, 1))


def waiver(name: str, waivers: Mapping[str, str]) -> str | None:
    """The reason that waives a check, given for its name (`rows:users`) or its family (`rows`), or None."""
    return waivers.get(name) or waivers.get(name.partition(":")[0])


@dataclass
class Problems:
    """Collects the mistakes in what a person wrote; a subject is the path of a key."""

    found: list[Problem] = field(default_factory=list[Problem])

    def add(self, subject: str, found: object, needed: str, fix: str) -> None:
        self.found.append(Problem(subject, shown(found), needed, fix))

    def of(self, subject: str) -> bool:
        """Whether something is said of exactly this key."""
        return any(problem.subject == subject for problem in self.found)

    def within(self, subject: str) -> bool:
        """Whether something is said of this key or of anything below it."""
        return any(p.subject == subject or p.subject.startswith(f"{subject}.") for p in self.found)


def shown(value: object) -> str:
    """The value in a message: short, and without control characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
