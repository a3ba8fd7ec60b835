"""One preview, update, refresh or destroy: wires the parts together, runs them, records the outcome."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from sandbox.standins.engine import urns
from sandbox.standins.engine.deployment.context import Context
from sandbox.standins.engine.deployment.interrupts import Interrupts
from sandbox.standins.engine.deployment.program_host import SHOWN, Launch, Program
from sandbox.standins.engine.deployment.resource_hooks import Hooks
from sandbox.standins.engine.deployment.resource_monitor import Monitor
from sandbox.standins.engine.deployment.step_generator import Deployment
from sandbox.standins.engine.deployment.step_runner import StepRunner
from sandbox.standins.engine.deployment.update_plan import Plan
from sandbox.standins.engine.display.view import View
from sandbox.standins.engine.errors import CHANGES_FOUND, Problem
from sandbox.standins.engine.options import Options
from sandbox.standins.engine.property_values import Props
from sandbox.standins.engine.providers.interface import Builtin
from sandbox.standins.engine.providers.plugin_start import Plugins
from sandbox.standins.engine.providers.registry import Registry
from sandbox.standins.engine.state import history
from sandbox.standins.engine.state.checkpoint import Checkpoint, Pending
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.state.stack import Stack

TITLES = {
    "update": ("Previewing update", "Updating"),
    "refresh": ("Previewing refresh", "Refreshing"),
    "destroy": ("Previewing destroy", "Destroying"),
}
PENDING = """Attempting to deploy or update resources with {} pending operations from previous deployment.
{}These resources are in an unknown state because the Pulumi CLI was interrupted while waiting for changes to these \
resources to complete. You should confirm whether or not the operations listed completed successfully by checking the \
state of the appropriate provider. For example, if you are using AWS, you can confirm using the AWS Console.

Once you have confirmed the status of the interrupted operations, you can repair your stack using `pulumi refresh` \
which will refresh the state from the provider you are using and clear the pending operations if there are any.

Note that `pulumi refresh` will need to be run interactively to clear pending CREATE operations."""
GRACE_SECONDS = 5.0
"""What a program gets to end after an interrupt."""
SECOND_SIGNAL_SECONDS = 0.05
"""Two signals closer together than this could reach the program as one."""
POLL_SECONDS = 0.02


class Operation:
    """`program` is None for what runs without one. `plan` is filled by a preview, and constrains an update."""

    def __init__(
        self, stack: Stack, options: Options, program: Program | None = None, plan: Plan | None = None
    ) -> None:
        self._stack, self._options, self._program, self._plan = stack, options, program, plan
        self._program_failed = False
        self._started = int(time.time())

    def run(self) -> dict[str, int]:
        """The changes made (or proposed), by kind. Raises Problem when it failed; by then it has been shown."""
        try:
            with contextlib.nullcontext() if self._options.dry_run else self._stack.lock():
                return self._run()
        except Problem:
            if self._program:
                self._program.abandon()
            raise

    def _run(self) -> dict[str, int]:
        options, stack = self._options, self._stack
        old_outputs = stack.outputs()
        self._wire()
        self._refuse_early()
        self._warn_pending()
        self._registry.warm(self._checkpoint.old)
        self._monitor.start(self._deployment)
        with self._interrupts.caught():
            try:
                self._proceed()
            finally:
                self._end_program()
                self._monitor.close()
                self._runner.wait_idle()
                self._deployment.finish_stack()
                try:
                    self._checkpoint.write()
                finally:
                    for service in self._registry.services:
                        service.cancel()
                        service.close()
        if self._plan and not options.dry_run and not self._runner.failed:
            self._report_missing(self._plan)
        return self._conclude(old_outputs)

    def _wire(self) -> None:
        options, stack = self._options, self._stack
        self._config = stack.config()
        project = stack.project.name
        root_urn = urns.make(stack.name, project, urns.STACK, f"{project}-{stack.name}")
        title = f"{TITLES[options.kind][not options.dry_run]} ({stack.name})"
        self._view = View(title, options, root_urn, self._config)
        self._checkpoint = Checkpoint(stack, options.dry_run)
        hooks = Hooks()
        self._runner = StepRunner(self._checkpoint, self._view, hooks, options, self._plan)
        self._monitor = Monitor(stack.project.root, hooks)
        plugins = Plugins(stack.project.plugins, self._monitor.address, self._view.diagnostic)
        self._registry = Registry(Builtin(self._runner.seen.get), plugins)
        self._deployment = Deployment(Context(self._runner, self._registry, options), project, stack.name, self._config)
        self._interrupts = Interrupts(self._runner, self._registry, self._die)

    # Before it begins

    def _refuse_early(self) -> None:
        options = self._options
        hooked = options.destroying and not self._program
        with_hooks = [r for r in self._checkpoint.old if hooked and _delete_hooks(r)]
        for resource in with_hooks:
            names = ", ".join(_delete_hooks(resource))
            text = f"Resource has delete hooks registered, but the program is not running. Hooks: {names}"
            self._view.diagnostic("error", text, resource.urn)
        if with_hooks:
            self._view.give_up()
            raise Problem("You must run with the `--run-program` flag to use delete hooks during destroy.")
        old_urns = {r.urn for r in self._checkpoint.old}
        unknown = [t for t in options.targets if "*" not in t and t not in old_urns]
        if unknown and options.kind != "update":
            self._view.give_up()
            raise Problem(f"no resource named '{unknown[0]}' found")

    def _warn_pending(self) -> None:
        reading = self._options.dry_run or self._options.refresh or self._options.kind == "refresh"
        pending = self._checkpoint.pending
        if pending and not reading:
            listed = "".join(f"  * {p.resource.urn}, interrupted while {p.type}\n" for p in pending)
            self._view.diagnostic("warning", PENDING.format(len(pending), listed))

    # While it runs

    def _proceed(self) -> None:
        options = self._options
        if options.refresh or options.kind == "refresh":
            kept = [p for p in self._checkpoint.pending if p.resource.urn not in options.forgotten]
            self._checkpoint.pending = list[Pending]() if options.clear_pending else kept
            self._deployment.refresh(reporting=options.kind == "refresh")
        if self._program and not self._runner.stopped.is_set():
            self._program.start(self._view, self._launch())
            if not self._follow(self._program):
                return
        if options.kind != "refresh" and not self._runner.stopped.is_set():
            self._deployment.delete_unseen()

    def _launch(self) -> Launch:
        project = self._stack.project
        return Launch(
            project=project.name,
            stack=self._stack.name,
            monitor=self._monitor.address,
            engine=self._monitor.address,
            parallel=self._options.parallel,
            dry_run=self._options.dry_run,
            root_directory=str(project.root),
            config={key: entry.text for key, entry in self._config.items()},
            secret_keys=[key for key, entry in self._config.items() if entry.secret],
        )

    def _follow(self, program: Program) -> bool:
        """Waits for the program to register all that it wants; True if it ended well."""
        interrupted = 0.0
        while not self._monitor.signalled.is_set():
            if (status := program.wait(POLL_SECONDS)) is not None:
                self._take_status(status)
                return not status
            if not self._runner.stopped.is_set():
                continue
            if not interrupted and (self._interrupts.received or self._runner.idle):
                interrupted = time.monotonic()
                program.interrupt()
            if self._runner.idle:
                self._monitor.release()
                if not self._interrupted_again and time.monotonic() - interrupted > SECOND_SIGNAL_SECONDS:
                    self._interrupted_again = True
                    program.interrupt()
            if interrupted and time.monotonic() - interrupted > GRACE_SECONDS:
                program.kill()
        return True

    _interrupted_again = False

    def _take_status(self, status: int) -> None:
        if not status or self._runner.stopped.is_set():
            return
        self._runner.failed = self._program_failed = True
        if status != SHOWN:
            text = f"an unhandled error occurred: program exited with non-zero exit code: {status}"
            self._view.diagnostic("error", text)

    def _end_program(self) -> None:
        self._monitor.finish()
        if not self._program:
            return
        if self._program.wait(GRACE_SECONDS) is None:
            self._program.kill()

    def _die(self) -> None:
        """The second interrupt: nothing is waited for, what is under way stays as pending operations."""
        self._view.diagnostic("error", "update failed")
        self._view.finish("canceled", self._runner.changes, ({}, {}), maybe_corrupt=True)
        self._stack.unlock()

    # The end

    def _report_missing(self, plan: Plan) -> None:
        for urn in plan.missing():
            self._runner.failed = True
            text = f"resource {urn} violates plan: expected resource operations for it but none were seen"
            self._view.diagnostic("error", text, urn)

    def _conclude(self, old_outputs: Props) -> dict[str, int]:
        runner, options = self._runner, self._options
        failed = runner.failed or bool(self._interrupts.received)
        if runner.failed and not runner.bailed and not self._program_failed:
            self._view.diagnostic("error", f"{options.noun} failed")
        elif self._interrupts.received:
            self._view.diagnostic("error", f"{options.noun} canceled")
        result = "failed" if failed else "succeeded"
        outputs = {} if options.destroying else self._outputs(old_outputs)
        self._view.finish(result, runner.changes, (old_outputs, outputs), errored=len(runner.errored))
        if not options.dry_run:
            self._stack.record(history.entry(self._stack, options, self._started, result, runner.changes))
        if failed:
            raise Problem("")
        if options.expect_no_changes and set(runner.changes) - {"same"}:
            raise Problem(f"no changes were expected for {options.noun} but changes were proposed", CHANGES_FOUND)
        if self._plan and options.save_plan:
            self._plan.save(Path(options.save_plan), self._config, self._stack.crypter)
        return runner.changes

    def _outputs(self, old: Props) -> Props:
        stacks = [r for r in self._checkpoint.resources() if r.type == urns.STACK]
        return stacks[-1].outputs if stacks else old


def _delete_hooks(resource: Resource) -> list[str]:
    return [*resource.hooks("BeforeDelete"), *resource.hooks("AfterDelete")]
