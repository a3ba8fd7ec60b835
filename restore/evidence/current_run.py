"""Who runs `pulumi up` on a stack now: one document of the stack, written anew at every heartbeat.

Pulumi's own lock is of one backend and says nothing of what goes on; this document stands where the evidence is, says
which gates are at work, and since when, and shows by its last heartbeat whether the run is still alive.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from restore.evidence.store import Store
from restore.report.untrusted import format_text, parse_mapping, parse_moment, parse_number

NAME = "current-run.json"
BEAT_SECONDS = 15.0
SILENT_AFTER = timedelta(minutes=2)
"""Without a heartbeat for so long a run is taken for killed: eight are missing by then."""
END_SECONDS = 3.0
"""The engine kills the program 5 s after its SIGINT: how long the end of a run may wait for its last heartbeat."""


@dataclass(frozen=True)
class GateAtWork:
    """A gate that works now, and the last that it said."""

    began: datetime
    said: str = ""


class Life(StrEnum):
    """What a heartbeat tells of its run."""

    RUNNING = "running"
    SILENT = "silent"
    """No heartbeat for `SILENT_AFTER`, and no end: killed, asleep, or cut off from the evidence store."""
    ENDED = "ended"


@dataclass(frozen=True)
class CurrentRun:
    """The last `pulumi up` of a stack that anybody began, as its newest heartbeat has it."""

    token: str
    """Another one for each run."""
    restore_id: str
    traffic: str
    """As the run wants it."""
    user: str
    host: str
    identity: str
    """ARN of the AWS identity, or why it isn't known."""
    pid: int
    began: datetime
    beat: datetime
    ended: datetime | None = None
    gates: Mapping[str, GateAtWork] = field(default_factory=dict[str, GateAtWork])
    """By name."""
    number: int = 0
    """One more than that of the run before it: which of two runs began later, whatever their machines' clocks say."""
    written_ago: timedelta | None = None
    """When its heartbeat was read: how long that was written before, by the clock of the evidence store."""

    def measure_silence(self, now: datetime) -> timedelta:
        """Returns how long ago the last heartbeat was; by this machine's clock only where the store doesn't tell, for
        the clocks of two machines may be minutes apart."""
        return max(now - self.beat, timedelta()) if self.written_ago is None else self.written_ago

    def measure_duration(self, now: datetime) -> timedelta:
        """Returns how long it has run: until its last heartbeat by its own clock, and since then."""
        return self.beat - self.began + self.measure_silence(now)

    def judge(self, now: datetime) -> Life:
        """Tells whether it goes on."""
        if self.ended:
            return Life.ENDED
        return Life.SILENT if self.measure_silence(now) > SILENT_AFTER else Life.RUNNING

    @property
    def who(self) -> str:
        return f"{self.user}@{self.host} ({self.identity})"


def read_current_run(store: Store, stack: str) -> CurrentRun | None:
    """Returns the last run of a stack; None where none was ever begun. Raises PermanentError for a document that can't
    be read, TemporaryError when S3 doesn't answer."""
    run = parse(store.read_of_stack(stack, NAME) or {})
    # Asked last: a heartbeat between the two makes it younger, and never a living run a killed one
    return replace(run, written_ago=store.read_age_of_stack(stack, NAME)) if run else None


def parse(document: Mapping[str, Any]) -> CurrentRun | None:
    """Reads the document without trusting it; None for one that doesn't say when it began."""
    began, operator = parse_moment(document.get("began")), parse_mapping(document.get("operator"))
    if began is None:
        return None
    at_work = {format_text(name): parse_mapping(gate) for name, gate in parse_mapping(document.get("gates")).items()}
    return CurrentRun(
        token=format_text(document.get("run")),
        restore_id=format_text(document.get("id")),
        traffic=format_text(document.get("traffic")),
        user=format_text(operator.get("user")),
        host=format_text(operator.get("host")),
        identity=format_text(operator.get("aws")),
        pid=parse_number(document.get("pid")),
        number=parse_number(document.get("number")),
        began=began,
        beat=parse_moment(document.get("beat")) or began,
        ended=parse_moment(document.get("ended")),
        gates={
            name: GateAtWork(parse_moment(gate.get("began")) or began, format_text(gate.get("said")))
            for name, gate in at_work.items()
        },
    )


@dataclass
class Heartbeat:
    """Writes the document of this run until it ends. A failure is a warning, said once: no restore waits for it."""

    store: Store
    stack: str
    restore_id: str
    traffic: str
    operator: Mapping[str, str]
    list_gates: Callable[[], Mapping[str, GateAtWork]]
    warn: Callable[[str], object]
    every: float = BEAT_SECONDS
    """Seconds from one document to the next."""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _over: threading.Event = field(default_factory=threading.Event)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _is_warned: bool = False
    _number: int = 0

    def start(self) -> None:
        """Writes the first heartbeat, and the following ones in the background."""
        self._beat(None)
        threading.Thread(target=self._go_on, daemon=True, name="heartbeat").start()

    def end(self) -> None:
        """Writes that the run has ended, once; waits for it no longer than `END_SECONDS`."""
        if self._over.is_set():
            return
        self._over.set()
        last = threading.Thread(target=self._beat, args=(datetime.now(UTC),), daemon=True, name="heartbeat-end")
        last.start()
        last.join(END_SECONDS)

    def abandon(self) -> None:
        """Ends without a word: the document is another run's."""
        self._over.set()

    def _go_on(self) -> None:
        while not self._over.wait(self.every):
            self._beat(None)

    def _beat(self, ended: datetime | None) -> None:
        try:
            with self._writing:
                self._write(ended)
        except Exception as error:  # noqa: BLE001
            if not self._is_warned:
                self._is_warned = True
                self.warn(f"who runs this could not be noted, and the run goes on: {error or type(error).__name__}")

    def _write(self, ended: datetime | None) -> None:
        """A run that was taken for killed, and goes on, leaves the document to the one that has begun since."""
        other = read_current_run(self.store, self.stack)
        if self._over.is_set() and ended is None:
            return
        if not self._number:
            self._number = (other.number if other else 0) + 1
        elif other and other.token != self.token and (other.number, other.began) > (self._number, self.began):
            self._over.set()
            return
        self.store.keep_of_stack(self.stack, NAME, self._compose(datetime.now(UTC), ended))

    def _compose(self, now: datetime, ended: datetime | None) -> dict[str, Any]:
        at_work: Mapping[str, GateAtWork] = self.list_gates() if ended is None else {}
        return {
            "id": self.restore_id,
            "run": self.token,
            "number": self._number,
            "operator": dict(self.operator),
            "pid": os.getpid(),
            "traffic": self.traffic,
            "began": self.began.isoformat(),
            "beat": now.isoformat(),
            "ended": ended.isoformat() if ended else None,
            "gates": {name: {"began": gate.began.isoformat(), "said": gate.said} for name, gate in at_work.items()},
        }
