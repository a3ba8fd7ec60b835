"""`python -m restore status`: where things stand, once or again and again. Reads only."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from restore.aws import Aws
from restore.cli.left_database import describe_left
from restore.cli.stack_settings import read_settings
from restore.credentials.journal import Journals
from restore.credentials.plan import COMMAND
from restore.cutover import traffic
from restore.errors import Refused, RestoreError
from restore.evidence import Store
from restore.evidence.current_run import read_current_run
from restore.evidence.history import read_history
from restore.inventory import gather
from restore.kubernetes import Api
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Request, Settings, Traffic
from restore.pulumi_stack.automation import OperatorStack
from restore.status.build import build
from restore.status.handover import describe_handover
from restore.status.model import EXIT_CODES, Found, Situation, Status
from restore.status.render import render, render_json

Value = TypeVar("Value")
WATCH_SECONDS = 10.0
CLEAR = "\x1b[H\x1b[2J"
"""Moves to the terminal's first line and clears it (ECMA-48, CUP and ED)."""
PLACES = "instances, snapshots and commands to look at them: python -m restore status"


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    command.add_argument("--handover", action="store_true", help="five lines to paste for who takes over")
    command.add_argument(
        "--watch", action="store_true",
        help=f"again every {WATCH_SECONDS:.0f} seconds; with --exit-code until no `pulumi up` runs any more",
    )  # fmt: skip
    command.add_argument("--json", action="store_true", help="as JSON; with --watch an object a line")
    codes = ", ".join(f"{code} {situation}" for situation, code in EXIT_CODES.items())
    command.add_argument("--exit-code", action="store_true", help=f"end with the situation's exit code: {codes}")


def tell_status(stack: OperatorStack, arguments: argparse.Namespace) -> int:
    """Prints where things stand; returns the exit code. Raises RestoreError where the configuration can't be read."""
    if arguments.handover:
        print(read_handover(stack, datetime.now(UTC)))
        return 0
    if arguments.watch:
        return watch(stack, arguments, threading.Event())
    status = read_status(stack, datetime.now(UTC))
    print(render_json(status) if arguments.json else render(status))
    return EXIT_CODES[status.situation] if arguments.exit_code else 0


def watch(stack: OperatorStack, arguments: argparse.Namespace, stop: threading.Event) -> int:
    """Prints where things stand again and again, until it is stopped, or with --exit-code until nobody runs it. A
    terminal gets what fits into it: the first lines must not scroll away."""
    on_terminal = sys.stdout.isatty()
    while True:
        status = read_status(stack, datetime.now(UTC))
        if arguments.json:
            text = render_json(status, indent=None)
        elif on_terminal:
            text = f"{CLEAR}{render(status, with_places=False)}\n\n{PLACES}"
        else:
            text = f"{render(status)}\n"
        print(text, flush=True)
        if arguments.exit_code and status.situation is not Situation.RUNNING:
            return EXIT_CODES[status.situation]
        if stop.wait(WATCH_SECONDS):
            return 0


def read_status(stack: OperatorStack, now: datetime) -> Status:
    """Returns where things stand. What can't be read is told in it. Raises RestoreError for the configuration alone."""
    return build(read_found(stack, read_settings(stack, now), now))


def read_found(stack: OperatorStack, settings: Settings, now: datetime) -> Found:
    """Reads AWS, the cluster, Pulumi's state and the evidence, side by side; each may be silent."""
    request = settings.request
    store = Store.open(settings.evidence, Aws.of(settings))
    unread: list[str] = []

    def read(what: str, question: Callable[[], Value]) -> Value | None:
        try:
            return question()
        except RestoreError as error:
            unread.append(f"{what}: {describe_error(error)}")
            return None

    with ThreadPoolExecutor(5, thread_name_prefix="status") as pool:
        reading = pool.submit(read, "AWS and the cluster", lambda: gather.gather(settings, now, room=False))
        exported = pool.submit(read, "Pulumi's state", stack.export)
        run = pool.submit(read, "who runs it", lambda: read_current_run(store, settings.stack))
        recorded = pool.submit(
            read, "the evidence", lambda: store.read_all(settings.stack, request.id) if request else ()
        )
        history = pool.submit(read_history, store, settings.stack, rebuild=True)
        inventory = reading.result()
        notes = list_notes(settings, request, inventory, store, read) if inventory and request else ()
    return Found(
        stack.name,
        now,
        settings,
        inventory,
        recorded.result() or (),
        run.result(),
        history.result(),
        exported.result(),
        notes,
        tuple(unread),
    )


def describe_error(error: RestoreError) -> str:
    """Returns an error in one line."""
    problems = error.problems if isinstance(error, Refused) else (error.problem,) if error.problem else ()
    return "; ".join(f"{item.subject}: {item.found}" for item in problems if item) or " ".join(str(error).split())


def list_notes(
    settings: Settings,
    request: Request,
    inventory: Inventory,
    store: Store,
    read: Callable[[str, Callable[[], bool]], bool | None],
) -> tuple[str, ...]:
    """Returns what is known besides: passwords half changed, how far the database that serves can be recovered, and who
    still uses the one that was left."""
    context = RestoreContext(settings, request, inventory)
    journals = Journals(Api(settings.kubeconfig, settings.context), settings.namespace, request.id)
    begun = read("credentials", journals.is_kept)
    rotation = [f"credentials: a rotation was begun and isn't done; finish it: {COMMAND}"] if begun else []
    return (*rotation, *describe_databases(context, store, traffic.find_traffic(context)))


def describe_databases(context: RestoreContext, store: Store, now: Traffic | None) -> Iterable[str]:
    """Yields how far the database that serves can be recovered, and what goes on at the one that was left.

    Before traffic was moved for the first time nothing was left, and the source is as it was."""
    pair = {Traffic.RESTORED: (context.candidate, context.source), Traffic.SOURCE: (context.source, context.candidate)}
    serving, left = (
        pair.get(now, (None, None)) if now and (context.manages_secret or context.has_served) else (None, None)
    )
    if serving:
        yield describe_recoverability(serving).text
    if left:
        yield from describe_left(context, store, left)


def read_handover(stack: OperatorStack, now: datetime) -> str:
    """Returns five lines to paste for who takes over, as found now."""
    return "\n".join(describe_handover(read_status(stack, now), now))
