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
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import pulumi

from restore import polling
from restore.errors import GateClosed, Problem, list_problems
from restore.evidence.current_run import GateAtWork
from restore.gates.error_problems import build_unproved
from restore.model import waivers
from restore.units import format_duration
from validation.verdict import Verdict

Value = TypeVar("Value")

TIDY_SECONDS = 4.0
"""The engine kills the program 5 s after its SIGINT: what a stopped gate has left to end cleanly."""
PAGE = "docs/troubleshooting.md"
"""Has an entry for each problem's name; made from restore/troubleshooting/."""
RESOURCE_ID = "resource_id"
"""The name, in a receipt and in the evidence, of the DbiResourceId of the database that was proved."""
KEPT_SETTINGS = "wanted"
"""The name, in the receipt of `conformed`, of the settings wanted at the candidate's creation
(restore.candidate.settings.frozen)."""


@dataclass(frozen=True)
class Proof:
    """What a gate's work found. `facts` goes into the evidence: no secrets, no rows."""

    verdict: Verdict
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    problems: tuple[Problem, ...] = ()
    """Each subject is the name of a check; a waiver names that check, or the whole gate."""
    accepted: Mapping[str, str] = field(default_factory=dict[str, str])
    """The reasons for which problems of an earlier proof, which this one repeats, were accepted, by subject."""


class Stopped(GateClosed):
    """The operator ended the run while a gate was waiting."""


class Watch:
    """A gate's clock: waits that end at once when the operator stops the run or the deadline passes."""

    def __init__(
        self,
        gate: str,
        seconds: float,
        stop: threading.Event,
        say: Callable[[str], None],
        receipt: Mapping[str, Any] | None = None,
        earlier: Mapping[str, Any] | None = None,
    ):
        self.gate = gate
        self.receipt = receipt or {}
        """What the receipt is going to say that was proved."""
        self.earlier = earlier or {}
        """What it says until then; empty for a gate that hasn't opened yet."""
        self.stop = stop
        self._end = time.monotonic() + seconds
        self._count_seconds = seconds
        self._speaker = polling.Speaker(say)

    @property
    def deadline(self) -> float:
        """In seconds on the clock of time.monotonic(), as restore.polling takes it."""
        return self._end

    @staticmethod
    def read_clock() -> float:
        """Returns the seconds on the clock of `deadline`."""
        return time.monotonic()

    @property
    def said(self) -> str:
        """The last status line; empty where none was said."""
        return self._speaker.said.removeprefix(f"{self.gate}: ")

    def say(self, text: str) -> None:
        """Says a status line in `pulumi up`; the same text again at most every 15 s."""
        self._speaker.say(f"{self.gate}: {text}")

    def wait_for(
        self,
        read: Callable[[], Value],
        is_done: Callable[[Value], bool],
        *,
        subject: str,
        seconds: float = math.inf,
        describe: Callable[[Value], str] = repr,
        first: float = 0.5,
        longest: float = 15.0,
    ) -> Value:
        """Waits as restore.polling's `wait_for` does, by this gate's clock, for at most `seconds`; raises as that
        does. Says which temporary error it reads again for."""
        return polling.wait_for(
            read,
            is_done,
            stop=self.stop,
            deadline=min(self.deadline, self.read_clock() + seconds),
            subject=subject,
            describe=describe,
            say=self.say,
            first=first,
            longest=longest,
        )

    def pause(self, seconds: float, waiting_for: str) -> None:
        """Waits for so many seconds. Raises Stopped, or GateClosed at the deadline; both say what was being waited
        for."""
        if self.stop.wait(min(seconds, max(self._end - time.monotonic(), 0))):
            raise Stopped(
                f"gate {self.gate} stopped by the operator while waiting for {waiting_for}; run `pulumi up` again"
            )
        if time.monotonic() >= self._end:
            within = format_duration(timedelta(seconds=self._count_seconds))
            raise GateClosed(f"gate {self.gate}: {waiting_for}: not within {within}\n  fix: pulumi up")


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
    """What the receipt also says that it proved: a change of it has the gate run again."""


class Running:
    """The gates at work in this program, so that an interrupt can wait for them to end cleanly, and a heartbeat can
    tell of them."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.before_leaving: Callable[[], object] = lambda: None
        """Called when an interrupt ends the program, beside the gates that end; it may take as long as they."""
        self._gates: dict[str, Callable[[], GateAtWork]] = {}
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    @contextmanager
    def mark_at_work(self, watch: Watch) -> Generator[None]:
        """Lists a gate as at work."""
        began = datetime.now(UTC)
        self._gates[watch.gate] = lambda: GateAtWork(began, watch.said)
        try:
            yield
        finally:
            del self._gates[watch.gate]

    def list_gates(self) -> Mapping[str, GateAtWork]:
        """Returns the gates at work, by name, with the last that each said."""
        return {name: read() for name, read in dict(self._gates).items()}

    def wait_idle(self, seconds: float) -> bool:
        """Waits until no gate is at work any more, for at most so many seconds; returns whether none is."""
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
        last_words = threading.Thread(target=running.before_leaving, daemon=True)
        last_words.start()
        if not running.wait_idle(0):
            running.wait_idle(TIDY_SECONDS)
            time.sleep(0.3)  # the hook's answer is on its way to the engine; nothing tells when it has arrived
        last_words.join(TIDY_SECONDS)
        os._exit(0)

    def handle_interrupt(_number: int, _frame: object) -> None:
        running.stop.set()
        threading.Thread(target=leave, daemon=True).start()

    signal.signal(signal.SIGINT, handle_interrupt)


def select_unwaived(proof: Proof, gate: str, waive: Mapping[str, str]) -> tuple[Problem, ...]:
    """Returns the problems that no waiver covers; restore/model/waivers.py decides."""
    return tuple(problem for problem in proof.problems if find_accepted_reason(proof, problem, gate, waive) is None)


def find_accepted_reason(proof: Proof, problem: Problem, gate: str, waive: Mapping[str, str]) -> str | None:
    """Returns the reason for which a problem is accepted, given now or with an earlier proof; None where there is
    none."""
    return waivers.find_reason(problem.subject, gate, waive) or proof.accepted.get(problem.subject)


def run_work(gate: Gate, watch: Watch) -> Proof:
    """Returns the proof; of a gate that could not run, a problem that says so, which a waiver can cover as any other.

    Raises Stopped when the operator ends the run meanwhile: what wasn't looked at is then nothing to waive. Catches
    everything else: SystemExit or KeyboardInterrupt leaving a hook would hang the engine.
    """
    try:
        proof = gate.work(watch)
    except Stopped:
        raise
    except BaseException as error:
        if watch.stop.is_set():
            raise Stopped(f"gate {gate.name} stopped by the operator: {error}; run `pulumi up` again") from error
        return Proof(Verdict.INCONCLUSIVE, "the gate could not run to its end", {}, (build_unproved(gate.name, error),))
    if watch.stop.is_set() and proof.problems:
        raise Stopped(f"gate {gate.name} stopped by the operator: {proof.summary}; run `pulumi up` again")
    if proof.verdict is not Verdict.PASS and not proof.problems:
        return replace(proof, problems=(build_silence_problem(gate.name, proof),))
    return proof


def build_silence_problem(gate: str, proof: Proof) -> Problem:
    """Returns the problem `<gate>.unproved` of a proof that didn't pass and names nothing."""
    return Problem(f"{gate}.unproved", proof.summary or "nothing was proved", "a proof", "pulumi up")


def explain_closed(gate: Gate, proof: Proof) -> str | None:
    """Returns why this proof doesn't open the gate, with the commands that would let it pass; None when it does."""
    left = select_unwaived(proof, gate.name, gate.waive)
    if not left:
        return None
    problems = [waivers.add_command(problem) for problem in left]
    return f"gate {gate.name} is {proof.verdict}: {proof.summary}\n{list_problems(problems)}"


def attempt(
    gate: Gate,
    running: Running,
    say: Callable[[str], None],
    receipt: Mapping[str, Any] | None = None,
    earlier: Mapping[str, Any] | None = None,
) -> str | None:
    """Does the work, writes the evidence whatever happens, and returns why the gate stays shut, or None."""
    began = datetime.now(UTC)
    watch = Watch(gate.name, gate.seconds, running.stop, say, receipt, earlier)
    try:
        with running.mark_at_work(watch):
            proof = run_work(gate, watch)
        error = explain_closed(gate, proof)
    except Stopped as stopped:
        proof, error = Proof(Verdict.INCONCLUSIVE, str(stopped)), str(stopped)
    waived = {
        problem.subject: reason
        for problem in proof.problems
        if (reason := find_accepted_reason(proof, problem, gate.name, gate.waive))
    }
    proved = {RESOURCE_ID: watch.receipt[RESOURCE_ID]} if watch.receipt.get(RESOURCE_ID) else {}
    document = {
        "gate": gate.name,
        "verdict": str(proof.verdict),
        "open": error is None,
        "summary": proof.summary,
        "began": began.isoformat(),
        "ended": datetime.now(UTC).isoformat(),
        "facts": {**proved, **proof.facts},
        "problems": [vars(waivers.add_command(problem)) for problem in proof.problems],
        "waived": waived,
        "fingerprint": dict(gate.fingerprint),
        "error": error,
    }
    try:
        where = gate.record(document)
    except BaseException as failure:  # noqa: BLE001
        unwritten = f"gate {gate.name}: its evidence could not be written: {failure or type(failure).__name__}"
        return f"{error}\n{unwritten}" if error else unwritten
    if error is None:
        of_waivers = f"; waived: {', '.join(waived)}" if waived else ""
        say(f"{gate.name}: open: {proof.summary}{of_waivers} (evidence: {where})")
        return None
    return f"{error}\nevidence: {where}\nall at once: python -m restore report; what each means: {PAGE}"


def read_receipt(inputs: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Returns the receipt among a Stash's inputs; empty where there is none."""
    receipt = (inputs or {}).get("input")
    return cast("Mapping[str, Any]", receipt) if isinstance(receipt, Mapping) else {}


def build_receipt_hook(gate: Gate, running: Running) -> pulumi.ResourceHook:
    """Returns the hook to bind to the gate's receipt as `before_create` and `before_update`."""

    def work(args: pulumi.ResourceHookArgs) -> str | None:
        with running:
            return attempt(gate, running, pulumi.log.info, read_receipt(args.new_inputs), read_receipt(args.old_inputs))

    async def run(args: pulumi.ResourceHookArgs) -> None:
        error = await asyncio.to_thread(work, args)
        if error is not None:
            raise GateClosed(error or f"gate {gate.name} failed without a word")

    run.__name__ = f"{gate.name}_gate"
    return pulumi.ResourceHook(f"restore-gate-{gate.name}", run)
