"""What is known at one moment, and what `status` says of it, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from restore.evidence.current_run import CurrentRun
from restore.history import Estimate
from restore.model.history import History
from restore.model.inventory import Inventory
from restore.model.request import Settings
from restore.units import format_duration


class Situation(StrEnum):
    """Where the stack stands, in one word for scripts."""

    DONE = "done"
    """No restore is configured, or what is wanted is so and proved: nobody is waited for."""
    RUNNING = "running"
    """`pulumi up` runs now."""
    WAITING = "waiting"
    """What is wanted is so and proved, and the next step is a person's: the applications may be stopped."""
    UNFINISHED = "unfinished"
    """What is wanted isn't so yet, and nobody runs `pulumi up`: it was killed, failed, or not started."""
    SHUT = "shut"
    """A gate is shut, and nobody runs `pulumi up`."""
    UNKNOWN = "unknown"
    """AWS, the cluster or the evidence can't be read."""


EXIT_CODES: Mapping[Situation, int] = {
    Situation.DONE: 0,
    Situation.UNKNOWN: 1,
    Situation.RUNNING: 10,
    Situation.WAITING: 11,
    Situation.UNFINISHED: 12,
    Situation.SHUT: 13,
}
"""With `--exit-code`; 2 is wrong usage, 130 an interrupt."""


@dataclass(frozen=True)
class Found:
    """All that was read, or not."""

    stack: str
    """As the Pulumi CLI knows it."""
    now: datetime
    settings: Settings
    inventory: Inventory | None = None
    records: Sequence[Mapping[str, Any]] = ()
    """Of the configured restore's evidence, oldest first."""
    run: CurrentRun | None = None
    history: History = field(default_factory=History)
    state: Mapping[str, Any] | None = None
    """As `pulumi stack export` gives it."""
    notes: tuple[str, ...] = ()
    """What was found out besides, such as who still uses the database that was left."""
    unread: tuple[str, ...] = ()
    """What couldn't be read, each with the reason."""


@dataclass(frozen=True)
class Step:
    """Something long that goes on now."""

    name: str
    label: str
    began: datetime | None
    now: datetime
    said: str = ""
    estimate: Estimate | None = None
    percent: int | None = None

    @property
    def elapsed(self) -> timedelta | None:
        return max(self.now - self.began, timedelta()) if self.began else None

    @property
    def left(self) -> timedelta | None:
        """The time that it still takes: by what AWS says is done, else by the estimate; None where neither tells."""
        if self.elapsed is None:
            return None
        if self.percent:
            return self.elapsed * ((100 - self.percent) / self.percent)
        if self.estimate is None or self.elapsed.total_seconds() > self.estimate.longest:
            return None
        return max(timedelta(seconds=self.estimate.typical) - self.elapsed, timedelta())

    @property
    def progress(self) -> str:
        """Says how far it is."""
        parts = [f"for {format_duration(self.elapsed)}"] if self.elapsed is not None else []
        if self.percent is not None:
            parts.append(f"{self.percent} % done")
        if self.left is not None:
            parts.append(f"about {format_duration(self.left)} left")
        elif self.estimate and self.elapsed and self.elapsed.total_seconds() > self.estimate.longest:
            parts.append("longer than estimated")
        if self.estimate:
            parts.append(f"takes {self.estimate.text}")
        return "; ".join(parts)


@dataclass(frozen=True)
class GateLine:
    """The newest attempt of a gate that is needed now."""

    name: str
    state: str
    """open, SHUT or not tried."""
    summary: str
    ended: str


@dataclass(frozen=True)
class Place:
    """An instance, a snapshot or the applications, with where to look at it; nothing here changes anything."""

    what: str
    name: str
    state: str
    console: str = ""
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """What is said, in the order in which it matters."""

    stack: str
    at: datetime
    situation: Situation
    serves: str
    restore: str
    run: str
    next: str
    safe: str
    steps: tuple[Step, ...] = ()
    gates: tuple[GateLine, ...] = ()
    notes: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    unread: tuple[str, ...] = ()
