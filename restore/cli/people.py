"""`python -m restore told` and `reconciled`: ticks off a line of the restore's lists, in the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from restore.aws import Aws
from restore.cli.stack_settings import read_settings
from restore.errors import Problem, Refused
from restore.evidence import Store, provenance, publish
from restore.pulumi_stack.automation import OperatorStack
from restore.report.people import LISTS, list_names, list_ticks

PAGE = 'docs/notify.md, "Who must be told, what must be reconciled"'


def tick_off(stack: OperatorStack, step: str, names: Sequence[str], restore_id: str | None, now: datetime) -> str:
    """Records who did this and when, and returns the list as it stands; without names only returns it.

    Raises Refused for a restore that was never run, and for a name that isn't in the list of its last run.
    """
    settings = read_settings(stack, now)
    ticked_id = restore_id or (settings.request.id if settings.request else "")
    if not ticked_id:
        fix = PAGE
        raise Refused([Problem("config id", "not set: no restore is configured", "the id of a restore", fix)])
    aws = Aws.of(settings)
    store = Store.open(settings.evidence, aws)
    known = list_names(store.read_all(settings.stack, ticked_id), step)
    if unknown := [name for name in names if name not in known]:
        raise Refused([_build_unknown(step, name, known) for name in unknown])
    if names:
        content = {"names": list(names), "operator": provenance.read_operator(aws)}
        publish.record(store, settings.stack, ticked_id, step, content, warn=print)
    ticks = list_ticks(store.read_all(settings.stack, ticked_id), step)
    empty = f"nothing is listed (config key notify.{LISTS[step]})"
    return "\n".join(f"{tick.name}: {tick.state}" for tick in ticks) or empty


def _build_unknown(step: str, name: str, known: Sequence[str]) -> Problem:
    key = f"notify.{LISTS[step]}"
    needed = f"one of: {', '.join(known)}" if known else f"a line of {key}, as the last `pulumi up` had it"
    return Problem(f"config {key}", f"no line {name}", needed, PAGE)
