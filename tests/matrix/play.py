"""Plays one cell: the cause strikes at the step and is lifted; the next command ends where an undisturbed run does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.machine.processes import wait_until
from tests.matrix.causes import Cause
from tests.matrix.reader import World
from tests.matrix.stage import COMMAND_SECONDS, Stage, engines
from tests.matrix.steps import TRAFFIC, Kind, Phase, Step, command_of
from tests.support.sandbox.harness import Run

SETTLE_SECONDS = 15.0
PATIENCE_SECONDS = 60.0
WAITS = "waiting for "
NO_SPACE = "No space left on device"
"""The engine's own words where it can't write the state: no program of ours runs then."""


class Outcome(StrEnum):
    CONVERGED = "converged"
    STOPPED = "stopped while the cause lasted"
    OTHER = "other"


@dataclass(frozen=True)
class Cell:
    cause: Cause
    step: Step

    @property
    def name(self) -> str:
        return f"{self.step.name}: {self.cause.name}"

    @property
    def kind(self) -> Kind:
        return self.step.kind

    @property
    def store(self) -> str:
        """Where its restore's evidence is kept."""
        return self.cause.store or "folder"


@dataclass
class Played:
    """How a cell ended; `said`: the first error that the operator read; `why`: what makes it `other`."""

    cell: Cell
    outcome: Outcome = Outcome.OTHER
    said: str = ""
    why: list[str] = field(default_factory=list[str])
    seconds: float = 0.0


Undisturbed = Mapping[Phase, World]
"""The end of each phase of a restore that nothing interrupts."""


def configure(stage: Stage, phase: Phase) -> None:
    if phase in TRAFFIC:
        stage.set(traffic=TRAFFIC[phase])


def play(stage: Stage, cell: Cell, undisturbed: Undisturbed) -> Played:
    """Never raises for what the product does: that is a cell which ends as `other`."""
    played, begun = Played(cell), time.monotonic()
    if not cell.step.rollback:
        configure(stage, cell.step.phase)
    held = stage.reader.holdings()
    try:
        disturb(stage, cell, played)
        finish(stage, cell.step.phase, cell.step.command)
        wanted = undisturbed[cell.step.phase]
        played.why += [*held.lost(stage.reader.holdings()), *await_equal(stage, wanted)]
    except (AssertionError, OSError, TimeoutError) as error:
        played.why.append(str(error)[-9000:] or type(error).__name__)
    if played.why:
        played.outcome = Outcome.OTHER
    played.seconds = time.monotonic() - begun
    return played


def disturb(stage: Stage, cell: Cell, played: Played) -> None:
    """The command, interrupted at the step; what it and the same command said while the cause lasted."""
    run = interrupted(stage, cell)
    played.said = first_error(run)
    played.outcome = Outcome.STOPPED if cell.cause.lasts and run.code else Outcome.CONVERGED
    try:
        if cell.cause.lasts and run.code:
            played.why += complaints(run, cell.cause, told=False)
        if cell.cause.lasts and run.code and not cell.cause.hangs and "fix:" not in run.text:
            again = stage.run(*cell.step.command)
            if again.code:
                played.outcome, played.said = Outcome.STOPPED, first_error(again)
                played.why += complaints(again, cell.cause, told=True)
    finally:
        cell.cause.lift(stage, cell.step)


def interrupted(stage: Stage, cell: Cell) -> Run:
    cause, step = cell.cause, cell.step
    trap = stage.wire.trap = step.trap(stage, after=cause.after)
    process = stage.start(*step.command)
    try:
        reached = trap.sprung.is_set if trap else lambda: step.says is not None and step.says(stage)
        assert stage.wait_for(reached, f"step {step.name}", process), stage.project.output
        cause.strike(stage, step, process)
        if trap:
            trap.released.set()
        if cause.hangs:
            interrupt_once_hung(stage, process.pid)
        elif cause.lasts:
            interrupt_patience(stage, process)
        return stage.wait(process)
    finally:
        stage.wire.trap = None
        if trap:
            trap.released.set()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def interrupt_once_hung(stage: Stage, group: int) -> None:
    """The operator sees that nothing goes on, and presses Ctrl-C."""
    wait_until(stage.wire.held.is_set, 60, "a call to hang")
    os.killpg(group, signal.SIGINT)


def interrupt_patience(stage: Stage, process: subprocess.Popen[str]) -> None:
    """A gate may wait longer than the operator for what doesn't answer; who reads what it waits for presses Ctrl-C."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_SECONDS)
    if process.poll() is None and any(WAITS in line for line in stage.project.output.splitlines()[-5:]):
        os.killpg(process.pid, signal.SIGINT)


def complaints(run: Run, cause: Cause, *, told: bool) -> list[str]:
    """What is wrong with the words of a command that a lasting cause has stopped: one clear sentence is needed, and
    from the product (`told`) how to fix it, too."""
    found: list[str] = []
    if "Traceback" in run.text:
        found.append(f"a traceback: {run.text[-3000:]}")
    if "error" not in run.text and "interrupted" not in run.text:
        found.append(f"no error was said: {run.text[-1500:]}")
    if told and "fix:" not in run.text and not (cause.disk == "state" and NO_SPACE.lower() in run.text.lower()):
        found.append(f"no fix was said: {run.text[-3000:]}")
    return found


def first_error(run: Run) -> str:
    lines = (line.strip() for line in run.text.splitlines())
    return next((line for line in lines if "error:" in line or "found:" in line), "") if run.code else ""


def finish(stage: Stage, phase: Phase, command: tuple[str, ...] = ()) -> Run:
    """The phase's command once more; where it names the lock of a killed run, after the command that it names."""
    words = command or command_of(phase)
    run = stage.run(*words)
    if run.code and "pulumi cancel" in run.text:
        wait_until(lambda: not engines(stage.project.folder), COMMAND_SECONDS, "another update to end", 0.2)
        stage.project.pulumi("cancel", "--yes").ok()
        run = stage.run(*words)
    if phase is Phase.CLOSE and run.code and "config id" in run.text:
        return run  # closed already: the comparison tells
    return run.ok()


def await_equal(stage: Stage, wanted: World) -> list[str]:
    """The differences that stay, once pods and statuses have had their time."""
    last: list[list[str]] = []

    def equal() -> bool:
        last[:] = [stage.reader.look().differences(wanted)]
        return not last[0]

    try:
        wait_until(equal, SETTLE_SECONDS, "the same world", 0.5)
    except TimeoutError:
        return last[0]
    return []
