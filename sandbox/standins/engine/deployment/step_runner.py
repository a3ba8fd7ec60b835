"""Runs steps: slots, hooks, checkpoint writes, and the decision to stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

from sandbox.standins.engine.deployment.goals import Step
from sandbox.standins.engine.deployment.resource_hooks import Hooks, Report
from sandbox.standins.engine.deployment.update_plan import Plan
from sandbox.standins.engine.errors import InitFailed, Refusal, StepFailed, Stopped
from sandbox.standins.engine.options import Options
from sandbox.standins.engine.property_values import Props, is_secret, secret
from sandbox.standins.engine.state.checkpoint import Checkpoint
from sandbox.standins.engine.state.resource import Resource

T = TypeVar("T")
RETRIES = 100


class StepView(Report, Protocol):
    """What the runner tells of its steps."""

    def before(self, step: Step) -> None: ...
    def after(self, step: Step) -> None: ...
    def failed(self, step: Step) -> None: ...
    def outputs(self, step: Step) -> None: ...


def nothing() -> None:
    """A step that needs no provider."""


class StepRunner:
    """The steps of one operation. Registrations run in threads of their own; what they share is here."""

    def __init__(
        self, checkpoint: Checkpoint, view: StepView, hooks: Hooks, options: Options, plan: Plan | None = None
    ) -> None:
        self.plan = plan
        self.checkpoint, self.view, self.hooks, self.options = checkpoint, view, hooks, options
        self.dry_run = options.dry_run
        self.failed = self.bailed = self.reporting_refresh = False
        self.errored: set[str] = set()
        self.stopped = threading.Event()
        self.changes: dict[str, int] = {}
        self.seen: dict[str, Resource] = {}
        """The resources registered so far, by URN; a bare one while its step runs."""
        self.steps: dict[str, Step] = {}
        self.broken: set[str] = set()
        self.mutex = threading.RLock()
        self._slots = threading.Semaphore(max(options.parallel, 1))
        self._idle, self._running = threading.Condition(), 0

    # Stopping

    def stop(self) -> None:
        self.stopped.set()

    def bail(self) -> Stopped:
        """Stops for a reason that the user has been told in full; returns what to raise."""
        self.failed = self.bailed = True
        self.stop()
        return Stopped()

    @property
    def idle(self) -> bool:
        return not self._running

    def wait_idle(self) -> None:
        with self._idle:
            self._idle.wait_for(lambda: not self._running)

    def fail(self, step: Step, error: Refusal) -> None:
        self.failed = True
        self.broken.add(step.urn)
        self.errored.add(step.urn)
        if not self.options.continue_on_error:
            self.stop()
        prefix = "Preview failed: " if self.dry_run else ""
        self.view.diagnostic("error", f"{prefix}{error}", "" if step.internal else step.urn)
        self.view.failed(step)

    # Steps

    def run(
        self,
        step: Step,
        apply: Callable[[], None] = nothing,
        pending: str = "",
        finished: Iterable[Resource] = (),
        added: Iterable[Resource] = (),
        write: bool = True,
    ) -> None:
        """One step: shown, recorded as pending, applied, saved, shown as done.

        Raises Stopped when the operation is over, StepFailed when only what stands on this resource is.
        """
        with self._slots:
            self._enter(1)
            try:
                if self.stopped.is_set():
                    raise Stopped
                self.view.before(step)
                if pending and not self.dry_run:
                    with self._saving(step):
                        self.checkpoint.begin(pending, step.resource)
                self._apply(step, apply, finished, added)
                with self._saving(step):
                    self.checkpoint.end(step.resource, finished, added, write)
                self._count(step)
                if step.new and step.op not in ("replace", "refresh"):
                    self.seen[step.urn], self.steps[step.urn] = step.new, step
                self.view.after(step)
            finally:
                self._enter(-1)

    @contextlib.contextmanager
    def _saving(self, step: Step) -> Generator[None]:
        """A state that can't be written fails the step, whatever was done: a full disk. Raises Stopped."""
        try:
            yield
        except OSError as error:
            self.fail(step, Refusal(f"failed to save snapshot: {error}"))
            raise Stopped from error

    def _enter(self, number: int) -> None:
        with self._idle:
            self._running += number
            self._idle.notify_all()

    def _apply(
        self, step: Step, apply: Callable[[], None], finished: Iterable[Resource], added: Iterable[Resource]
    ) -> None:
        try:
            if self.plan:
                self.plan.allow(step.urn, step.op)
            apply()
        except Refusal as error:
            exists = isinstance(error, InitFailed)
            mark_secrets(step.new)
            with contextlib.suppress(OSError):  # the step's own error counts; the end of the operation tries again
                self.checkpoint.end(step.resource, finished if exists else (), added if exists else ())
            self.fail(step, error)
            raise (StepFailed if self.options.continue_on_error else Stopped) from error
        mark_secrets(step.new)

    def _count(self, step: Step) -> None:
        if step.op == "refresh" and self.reporting_refresh:
            step.result = "delete" if step.gone else "update" if step.diff.changed else "same"
            if not step.internal:
                self._add(step.result)
        elif step.logical and not step.internal and (step.op != "read" or step.changes_what_was_read):
            self._add(step.op)

    def _add(self, op: str) -> None:
        with self.mutex:
            self.changes[op] = self.changes.get(op, 0) + 1

    # Hooks

    def hook(self, moment: str, resource: Resource, **properties: Props) -> None:
        """Raises Refusal when a before-hook fails; an after-hook fails the operation, not what was done."""
        try:
            self.hooks.run(moment, resource, self.dry_run, self.view, properties)
        except Refusal as error:
            if not moment.startswith("After"):
                raise
            self.failed = True
            self.errored.add(resource.urn)
            self.view.diagnostic("error", str(error), resource.urn)
            self.stop()

    def retried(self, operation: str, resource: Resource, act: Callable[[], T], **properties: Props) -> T:
        """A provider call, tried again as long as an error hook of the resource asks for it."""
        errors: list[str] = []
        while True:
            try:
                return act()
            except Refusal as error:
                errors.insert(0, str(error))
                if not resource.hooks("OnError"):
                    raise
                if len(errors) >= RETRIES:
                    reached = f"maximum number of error hook retries ({RETRIES}) reached"
                    self.view.diagnostic("warning", reached, resource.urn)
                    raise Refusal("maximum number of error hook retries reached") from error
                if not self.hooks.retry(resource, operation, errors, properties):
                    raise
                again = f"retrying {operation} due to on-error hook request ({len(errors)}/{RETRIES})"
                self.view.diagnostic("warning", again, resource.urn)


def mark_secrets(new: Resource | None) -> None:
    """Outputs of secret inputs are secret, and those that the program names."""
    if not new or not new.outputs:
        return
    hidden = {k for k, v in new.inputs.items() if is_secret(v)}.union(new.additional_secret_outputs)
    new.outputs = {k: secret(v) if k in hidden else v for k, v in new.outputs.items()}
