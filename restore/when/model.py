"""What was asked, how far it reaches, and what it recorded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Reach(StrEnum):
    """What the silence of a source means."""

    RECORDED = "recorded"
    """What isn't there did not happen, within what the text says."""
    NOT_RECORDED = "not recorded"
    """It may have happened all the same."""
    NOT_ASKED = "not asked"
    """The source couldn't be read: the text says why."""


@dataclass(frozen=True)
class Coverage:
    """One source, and what can be known from it."""

    source: str
    reach: Reach
    text: str


@dataclass(frozen=True)
class Period:
    """From `since` up to and with `until`."""

    since: datetime
    until: datetime

    def has(self, at: datetime) -> bool:
        return self.since <= at <= self.until


@dataclass(frozen=True)
class Suspect:
    """Something that may have done it. `at` is when it began; a log may know only the whole second."""

    at: datetime
    kind: str
    what: str
    source: str
    by: str = ""
    failed: bool = False
    """The server refused it: it changed nothing."""


@dataclass(frozen=True)
class Reading:
    """What one source gave."""

    coverage: tuple[Coverage, ...]
    suspects: tuple[Suspect, ...] = ()

    def __add__(self, other: Reading) -> Reading:
        return Reading(self.coverage + other.coverage, self.suspects + other.suspects)


def find_second_before(at: datetime) -> datetime:
    """Returns the whole second before the one in which it began, for a log may round a moment down to its second."""
    return at.astimezone(UTC).replace(microsecond=0) - timedelta(seconds=1)


def order_newest_first(suspects: Sequence[Suspect]) -> list[Suspect]:
    return sorted(dict.fromkeys(suspects), key=lambda suspect: (suspect.at, suspect.source, suspect.what), reverse=True)
