"""`pulumi preview|up|refresh|destroy`: what is asked, what is refused first, preview before update."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.standins.engine import STAND_IN
from sandbox.standins.engine.cli import stack_selection
from sandbox.standins.engine.cli.config_commands import assign
from sandbox.standins.engine.display.view import warn
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.options import Options
from sandbox.standins.engine.providers import loopback_guard
from sandbox.standins.engine.state import version_range
from sandbox.standins.engine.state.stack import Stack

if TYPE_CHECKING:
    from sandbox.standins.engine.deployment.program_host import Program
    from sandbox.standins.engine.deployment.update_plan import Plan

FLAGS = (
    "-m|--message=",
    "--event-log=",
    "-j|--json",
    "--diff",
    "-t|--target=*",
    "--expect-no-changes",
    "--show-secrets",
    "-c|--config=*",
    "--config-path",
    "--config-file=",
    "--skip-config-validation",
    "--client=",
    "--exec-kind=",
    "-p|--parallel=",
    "--ignore-protect",
    "--suppress-outputs",
    "--suppress-progress",
    "--run-program",
    "-d|--debug",
)
CHANGING = ("-y|--yes", "-f|--skip-preview", "--continue-on-error")
GONE = """The resources in the stack have been deleted, but the history and configuration associated with the stack \
are still maintained. \nIf you want to remove the stack completely, run `pulumi stack rm {}`."""
PLANNED = """Update plan written to '{0}'
Run `pulumi up --plan='{0}'` to constrain the update to the operations planned by this preview"""
STILL = "There are still {} protected resources associated with this stack."


def read(args: argparse.Namespace, kind: str, dry_run: bool) -> Options:
    """The options of a command line. Raises Problem for a value that is none."""
    if args.parallel and not args.parallel.isdigit():
        raise Problem(f"--parallel: {args.parallel!r} is not a number")
    options = Options(
        kind=kind,
        dry_run=dry_run,
        message=args.message,
        refresh=getattr(args, "refresh", False),
        run_program=args.run_program,
        clear_pending=getattr(args, "clear_pending_creates", False),
        forgotten=tuple(getattr(args, "import_pending_creates", [])[::2]),
        ignore_protect=args.ignore_protect,
        expect_no_changes=args.expect_no_changes,
        targets=tuple(args.target),
        diff=args.diff,
        json=args.json,
        event_log=args.event_log,
        show_secrets=args.show_secrets,
        client=args.client,
        exec_kind=args.exec_kind or "cli",
        continue_on_error=getattr(args, "continue_on_error", False),
        exclude_protected=getattr(args, "exclude_protected", False),
        save_plan=getattr(args, "save_plan", ""),
        validate_config=kind == "update" and not args.skip_config_validation,
        suppress_outputs=args.suppress_outputs,
        suppress_progress=args.suppress_progress,
        debug=args.debug,
        interactive=stack_selection.prompts(args).interactive,
    )
    return replace(options, parallel=int(args.parallel)) if args.parallel else options


def preview(args: argparse.Namespace) -> None:
    _operate(args, read(args, "update", dry_run=True))


def up(args: argparse.Namespace) -> None:
    _operate(args, read(args, "update", dry_run=False))


def refresh(args: argparse.Namespace) -> None:
    pairs = args.import_pending_creates
    if len(pairs) % 2:
        raise Problem("each URN must be followed by an ID: found an odd number of entries")
    if pairs:
        warn("--import-pending-creates forgets the pending creation and imports nothing, as with the Pulumi CLI")
    _operate(args, read(args, "refresh", dry_run=args.preview_only))


def destroy(args: argparse.Namespace) -> None:
    options = read(args, "destroy", dry_run=args.preview_only)
    stack = stack_selection.stack(args)
    if options.exclude_protected and not (left := _unprotected(stack))[0]:
        print(f"There were no unprotected resources to destroy. {STILL.format(left[1])}")
        return
    _operate(args, options)
    if options.dry_run:
        return
    if options.exclude_protected and (kept := _unprotected(stack)[1]):
        print(f"All unprotected resources were destroyed. {STILL.format(kept)}")
    elif args.remove:
        stack.remove()
        print(f"The resources in the stack have been deleted, and '{stack.name}' has been removed.")
    elif not options.targets and not options.json:
        print(GONE.format(stack.name))


def _unprotected(stack: Stack) -> tuple[int, int]:
    """How many resources nothing protected stands on, and how many others there are."""
    from sandbox.standins.engine.deployment.context import protected_tree

    resources = stack.resources()
    kept = protected_tree(resources)
    return len(resources) - len(kept), len(kept)


def _operate(args: argparse.Namespace, options: Options) -> None:
    stack = stack_selection.stack(args)
    warn(STAND_IN)
    for pair in args.config:
        key, _, value = pair.partition("=")
        assign(stack, key, value, path=args.config_path)
    if args.config or not stack.settings.file.exists():
        if not stack.settings.salt:
            stack.settings.salt = stack.crypter.salt
        stack.settings.save()
    _refuse(stack, options)
    prompts = stack_selection.prompts(args)
    previewing = not options.dry_run and not getattr(args, "skip_preview", False)
    if previewing and not args.yes and not prompts.interactive:
        raise Problem("--yes or --skip-preview must be passed in to proceed when running in non-interactive mode")
    Sequence(stack, options, args).run(prompts.confirm if previewing else None)


def _refuse(stack: Stack, options: Options) -> None:
    """What is wrong before anything begins: not a sandbox, another version wanted, configuration not as declared."""
    loopback_guard.check_stack(stack.config())
    if stack.project.required_version:
        version_range.require(stack.project.required_version)
    if options.validate_config:
        stack.settings.validate(stack.name)


class Sequence:
    """The operations of one command: a preview where one is wanted, then the update."""

    def __init__(self, stack: Stack, options: Options, args: argparse.Namespace) -> None:
        self._stack, self._options = stack, options
        self._plan_file: str = getattr(args, "plan", "")
        self._strict: bool = getattr(args, "strict", False)
        self._spare: list[Program] = []

    def run(self, confirm: Callable[[str], None] | None) -> None:
        """`confirm` asks between the two, and raises Problem for a no; None: there is no preview."""
        options = self._options
        plan: Plan | None = None
        try:
            if confirm:
                plan = self._preview()
                confirm(f"Do you want to perform this {options.kind}?")
            self._final(plan)
        finally:
            for program in self._spare:
                program.abandon()

    def _preview(self) -> Plan | None:
        from sandbox.standins.engine.deployment.update_plan import Plan
        from sandbox.standins.engine.operation import Operation

        options = replace(self._options, dry_run=True, expect_no_changes=False, event_log="")
        plan = Plan() if self._strict else None
        program = self._program()
        operation = Operation(self._stack, options, program, plan)
        # The program of the update imports the SDK while that of the preview runs.
        self._spare = [spare] if (spare := self._program()) else []
        operation.run()
        return plan

    def _final(self, preview: Plan | None) -> None:
        from sandbox.standins.engine.deployment.update_plan import Plan
        from sandbox.standins.engine.operation import Operation

        options = self._options
        plan = preview.constraining() if preview else None
        if self._plan_file:
            plan = Plan.load(Path(self._plan_file), self._stack.crypter)
        if options.save_plan:
            plan = Plan()
        program = self._spare.pop() if self._spare else self._program()
        Operation(self._stack, options, program, plan).run()
        if options.save_plan and not options.json:
            print(PLANNED.format(options.save_plan))

    def _program(self) -> Program | None:
        from sandbox.standins.engine.deployment.program_host import ChildProgram, InlineProgram

        if self._options.kind != "update" and not self._options.run_program:
            return None
        if self._options.client:
            return InlineProgram(self._options.client)
        return ChildProgram(self._stack.project, self._stack.name)
