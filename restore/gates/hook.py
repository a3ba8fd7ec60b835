"""Makes a gate's work the `before_create` and `before_update` hook of its receipt (a `pulumi.Stash`).

Before hooks, because a failed before hook saves nothing and is run again by the next `up`, an after hook is not.
The engine counts a hook as passed when its error's text is empty, hangs on SystemExit and KeyboardInterrupt, and
blocks when a hook works on the event loop (docs/architecture.md, "What the engine does"): hence this one wrapper.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pulumi

from restore import waiting
from restore.durations import spoken
from restore.errors import GateClosed, Problem, RestoreError, listed
from restore.model import Verdict

Value = TypeVar("Value")

TIDY_SECONDS = 4.0
"""The engine kills the program 5 s after its SIGINT: what a stopped gate has left to end cleanly."""
SAY_EVERY_SECONDS = 15.0


@dataclass(frozen=True)
class Proof:
    """What a gate's work found. `facts` goes into the evidence: no secrets, no rows."""

    verdict: Verdict
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    problems: tuple[Problem, ...] = ()
    """With the name of the check as each subject; a waiver names that check, or the whole gate."""


class Stopped(GateClosed):
    """The operator ended the run while a gate was waiting."""


class Watch:
    """A gate's clock: waits that end at once when the operator stops the run or the deadline passes."""

    def __init__(self, gate: str, seconds: float, stop: threading.Event, say: Callable[[str], None]):
        self.gate = gate
        self.stop = stop
        self._end = time.monotonic() + seconds
        self._seconds = seconds
        self._say = say
        self._said: tuple[str, float] = ("", 0.0)

    @property
    def deadline(self) -> float:
        """On the clock of time.monotonic(), as restore.waiting takes it."""
        return self._end

    @staticmethod
    def now() -> float:
        return time.monotonic()

    def say(self, text: str) -> None:
        """A status line in `pulumi up`; the same text again at most every 15 s."""
        last, at = self._said
        if text != last or time.monotonic() - at >= SAY_EVERY_SECONDS:
            self._said = (text, time.monotonic())
            self._say(f"{self.gate}: {text}")

    def wait_for(
        self,
        read: Callable[[], Value],
        done: Callable[[Value], bool],
        *,
        subject: str,
        seconds: float = math.inf,
        found: Callable[[Value], str] = repr,
        first: float = 0.5,
        longest: float = 15.0,
    ) -> Value:
        """restore.waiting's `wait_for` by this gate's clock, for at most `seconds`; raises as that does."""
        return waiting.wait_for(
            read,
            done,
            stop=self.stop,
            deadline=min(self.deadline, self.now() + seconds),
            subject=subject,
            found=found,
            first=first,
            longest=longest,
        )

    def pause(self, seconds: float, waiting_for: str) -> None:
        """Raises Stopped, or GateClosed at the deadline; both say what was being waited for."""
        if self.stop.wait(min(seconds, max(self._end - time.monotonic(), 0))):
            raise Stopped(
                f"gate {self.gate} stopped by the operator while waiting for {waiting_for}; run `pulumi up` again"
            )
        if time.monotonic() >= self._end:
            raise GateClosed(
                f"gate {self.gate}: {waiting_for}: not within {spoken(timedelta(seconds=self._seconds))}\n"
                "  fix: see why, then `pulumi up` again"
            )


@dataclass(frozen=True)
class Gate:
    """A named proof, its deadline, and what to do with the record of each attempt."""

    name: str
    seconds: float
    work: Callable[[Watch], Proof]
    record: Callable[[Mapping[str, Any]], str]
    """Writes the evidence of one attempt and returns where; raises RestoreError when it can't."""
    waive: Mapping[str, str] = field(default_factory=dict[str, str])
    fingerprint: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else the receipt must say it proved: a change of it has the gate run again."""


class Running:
    """The gates at work in this program, so that an interrupt can wait for them to end cleanly."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)


def leave_cleanly_on_interrupt(running: Running) -> None:
    """Installs the SIGINT handler: stops waiting gates, lets them say so, then ends the program.

    The engine sends SIGINT to the program after any failed step and on Ctrl-C. Without this handler a failed `up`
    shows 25 lines of KeyboardInterrupt above the real error and takes 5 s longer.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def leave() -> None:
        if not running.wait_idle(0):
            running.wait_idle(TIDY_SECONDS)
            time.sleep(0.3)  # the hook's answer is on its way to the engine; nothing tells when it has arrived
        os._exit(0)

    def interrupted(_number: int, _frame: object) -> None:
        running.stop.set()
        threading.Thread(target=leave, daemon=True).start()

    signal.signal(signal.SIGINT, interrupted)


def unwaived(proof: Proof, gate: str, waive: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems that no waiver covers: see `waiver`."""
    return tuple(p for p in proof.problems if waiver(p.subject, gate, waive) is None)


def waiver(subject: str, gate: str, waive: Mapping[str, str]) -> str | None:
    """The reason that waives a check: given for it (`validated.rows:users`), its family or its gate; None."""
    return waive.get(subject) or waive.get(subject.partition(":")[0]) or waive.get(gate)


def closed_because(gate: Gate, proof: Proof) -> str | None:
    """Why this proof doesn't open the gate, or None. A verdict other than PASS without a problem closes it as well."""
    left = unwaived(proof, gate.name, gate.waive)
    if left:
        return f"gate {gate.name} is {proof.verdict}: {proof.summary}\n{listed(left)}"
    if proof.verdict is not Verdict.PASS and not proof.problems:
        return f"gate {gate.name} is {proof.verdict}: {proof.summary or 'nothing was proved'}"
    return None


def attempt(gate: Gate, running: Running, say: Callable[[str], None]) -> str | None:
    """Does the work, writes the evidence whatever happens, and returns why the gate stays shut, or None.

    Catches everything: SystemExit or KeyboardInterrupt leaving a hook would hang the engine.
    """
    began = datetime.now(UTC)
    watch = Watch(gate.name, gate.seconds, running.stop, say)
    proof, error = None, None
    try:
        proof = gate.work(watch)
        error = closed_because(gate, proof)
    except RestoreError as caught:
        error = str(caught)
    except BaseException as caught:  # noqa: BLE001
        error = f"gate {gate.name}: {type(caught).__name__}: {caught}".rstrip(": ")
    problems = proof.problems if proof else ()
    document = {
        "gate": gate.name,
        "verdict": str(proof.verdict if proof else Verdict.INCONCLUSIVE),
        "open": error is None,
        "summary": proof.summary if proof else error,
        "began": began.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
        "facts": dict(proof.facts) if proof else {},
        "problems": [vars(problem) for problem in problems],
        "waived": {p.subject: reason for p in problems if (reason := waiver(p.subject, gate.name, gate.waive))},
        "error": error,
    }
    try:
        where = gate.record(document)
    except BaseException as caught:  # noqa: BLE001
        unwritten = f"gate {gate.name}: its evidence could not be written: {caught or type(caught).__name__}"
        return f"{error}\n{unwritten}" if error else unwritten
    if error is None:
        say(f"{gate.name}: open: {proof.summary if proof else ''} (evidence: {where})")
        return None
    return f"{error}\nevidence: {where}\nall at once: python -m restore report"


def receipt_hook(gate: Gate, running: Running) -> pulumi.ResourceHook:
    """The hook to bind to the gate's receipt as `before_create` and `before_update`."""

    def work() -> str | None:
        with running:
            return attempt(gate, running, pulumi.log.info)

    async def run(_args: pulumi.ResourceHookArgs) -> None:
        error = await asyncio.to_thread(work)
        if error is not None:
            raise GateClosed(error or f"gate {gate.name} failed without a word")

    run.__name__ = f"{gate.name}_gate"
    return pulumi.ResourceHook(f"restore-gate-{gate.name}", run)
