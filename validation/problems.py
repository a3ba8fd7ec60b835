"""Mistakes in what people wrote: collected, so that all are reported at once."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    where: str
    found: str
    needed: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}, needs {self.needed}; {self.fix}"


@dataclass
class Problems:
    found: list[Problem] = field(default_factory=list[Problem])

    def add(self, where: str, found: object, needed: str, fix: str) -> None:
        self.found.append(Problem(where, shown(found), needed, fix))

    def of(self, where: str) -> bool:
        """Whether something is said of exactly this place."""
        return any(problem.where == where for problem in self.found)

    def within(self, where: str) -> bool:
        """Whether something is said of this place or of anything in it."""
        return any(p.where == where or p.where.startswith(f"{where}.") for p in self.found)


def shown(value: object) -> str:
    """The value in a message: short, and without control characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
