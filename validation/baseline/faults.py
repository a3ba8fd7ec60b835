"""What a check finds wrong, thing by thing, so that what another database has in the same place can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from validation.connect.query import Answer, Example, Question

LISTED = 10_000
"""Faults of one check that are compared one by one; of more, as many by their hash, which is a sample, and the rest by
number."""


@dataclass(frozen=True)
class Fault:
    """One wrong thing. `place` is equal in two databases where it is the same thing; `shown` names it for people.

    One that `decides` is wrong here, whatever another database has.
    """

    place: str
    shown: Example
    decides: bool = False


@dataclass(frozen=True)
class Faults:
    """All that a check found wrong in one database: their number, and the first of them by `place`."""

    count: int
    listed: tuple[Fault, ...] = ()

    @property
    def reach(self) -> str | None:
        """The last place that is listed, None where all are."""
        return self.listed[-1].place if self.listed and len(self.listed) < self.count else None


@dataclass(frozen=True)
class FaultList:
    """How all faults of one check are asked for, of any database that has the same objects.

    `things` says what they are, in the plural; `recorded` whether asking is cheap enough for every baseline.
    """

    things: str
    question: Question
    read: Callable[[Answer], Faults]
    recorded: bool = True


@dataclass(frozen=True)
class Comparison:
    """Faults that only the first of two databases has, some of them by name, and how many both have.

    `counted` where there were too many to compare all of them one by one.
    """

    new: int
    named: tuple[Fault, ...]
    known: int
    counted: bool


def compare(ours: Faults, theirs: Faults) -> Comparison:
    """Returns our faults against theirs, each by its place; of places that are not listed the numbers are compared.
    Pure."""
    reach = min((side.reach for side in (ours, theirs) if side.reach is not None), default=None)
    left = Counter(fault.place for fault in theirs.listed)
    named: list[Fault] = []
    for fault in ours.listed:
        if fault.decides or ((reach is None or fault.place <= reach) and not left[fault.place]):
            named.append(fault)
        left[fault.place] -= 1 if left[fault.place] else 0
    new = len(named) if reach is None else max(len(named), ours.count - theirs.count)
    return Comparison(new, tuple(named), ours.count - new, counted=reach is not None)


def as_json(faults: Faults) -> dict[str, Any]:
    """Returns what a baseline keeps: no value of a row, only what the places hash to."""
    return {"count": faults.count, "places": [fault.place for fault in faults.listed]}


def from_json(data: Mapping[str, Any]) -> Faults:
    """Reads what `as_json` returned. Raises KeyError, TypeError or ValueError for anything else."""
    return Faults(int(data["count"]), tuple(Fault(str(place), {}) for place in data["places"]))
