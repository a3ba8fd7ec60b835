"""`python -m restore rollback`: an earlier configuration, through frozen; and what the applications wrote meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from restore.aws import Aws
from restore.cli import rescue
from restore.cli.stack_settings import read_settings, require_alone
from restore.cutover import rollback
from restore.errors import PermanentError, Problem, Refused, RestoreError
from restore.evidence import Store
from restore.gates.hook import RESOURCE_ID
from restore.gates.switched import NEXT_TRANSACTION
from restore.inventory import gather
from restore.lifecycle import pending
from restore.model.context import RestoreContext
from restore.model.gates import SWITCHED
from restore.model.rds import Instance
from restore.model.request import Settings
from restore.pulumi_stack.automation import OperatorStack
from restore.rescue import carry
from restore.rescue.carry import NewRows
from restore.rescue.render import render_apart, render_done

SHOWN = 10


@dataclass(frozen=True)
class Writes:
    """What was written to the candidate since the first switch to it; `unknown` says why that can't be told."""

    rows: tuple[NewRows, ...] = ()
    since: int | None = None
    unknown: str = ""

    @property
    def count(self) -> int:
        return sum(new.rows for new in self.rows)


def roll_back(
    stack: OperatorStack, confirm: Callable[[str], bool], *, bring_along: bool, accept_loss: bool, yes: bool
) -> bool:
    """Goes back; False when that was declined. Raises Refused, or whatever a step's `pulumi up` ends with."""
    way = rollback.plan_way_back(stack.read_config(), stack.read_history(), stack.read_own_config())
    settings = read_settings(stack, datetime.now(UTC))
    require_alone(settings)
    writes = find_writes(settings)
    text = f"{rollback.render(way)}\n{describe(writes, bring_along=bring_along)}".strip()
    loses = bool(writes.count or writes.unknown)
    if bring_along and writes.unknown:
        raise Refused([build_cannot_carry(writes)])
    if not confirm(text) or (loses and not bring_along and not accept_loss and not is_loss_accepted(writes, yes=yes)):
        return False
    clear_pending(stack)
    frozen, served = way.steps
    stack.apply(frozen)
    if bring_along and writes.since is not None:
        carry_back(settings, writes.since)
    stack.apply(served)
    return True


def clear_pending(stack: OperatorStack) -> None:
    """Clears what killed runs left pending, and says so. The `up` that follows finds a database or a snapshot by its
    name, and adopts it; nothing here holds up the way back, so a state that can't be written is told and left."""
    state = stack.export()
    operations = pending.read_pending(state)
    if not operations or pending.list_unknown_problems(operations):
        return
    try:
        stack.replace_state(pending.remove_pending(state))
    except RestoreError as error:
        print(f"what a killed run left pending stays in the state: {error}", file=sys.stderr)
        return
    print(f"Cleared from the state, left pending by a killed run: {', '.join(pending.list_names(operations))}")


def find_writes(settings: Settings) -> Writes:
    """Counts what the candidate has and the source would not get. Whatever keeps it from being asked is said: nothing
    of the database that is left holds up leaving it."""
    if settings.request is None:
        return Writes()
    context = RestoreContext(settings, settings.request, gather.gather(settings, datetime.now(UTC), room=False))
    candidate = context.candidate
    if candidate is None:
        return Writes(unknown="the candidate is gone") if context.manages_secret else Writes()
    try:
        switched, since = find_switch(settings, candidate)
        if not switched:
            return Writes()
        if since is None:
            return Writes(unknown="gate switched could not record where the candidate stood")
        with rescue.connect(context, candidate, read_only=True) as connection:
            return Writes(carry.count_new(connection, since), since)
    except RestoreError as error:
        return Writes(unknown=error.problem.found if error.problem else str(error))


def find_switch(settings: Settings, candidate: Instance) -> tuple[bool, int | None]:
    """Tells whether the applications were ever switched to this very instance, and its next transaction then."""
    assert settings.request
    store = Store.open(settings.evidence, Aws.of(settings))
    opened = [
        record["facts"]
        for record in store.read_all(settings.stack, settings.request.id)
        if record.get("gate") == SWITCHED.name and record.get("open") is True
    ]
    to_candidate = [facts for facts in opened if facts.get(RESOURCE_ID) == candidate.resource_id]
    known = [int(facts[NEXT_TRANSACTION]) for facts in to_candidate if NEXT_TRANSACTION in facts]
    return bool(to_candidate), known[0] if known else None


def describe(writes: Writes, *, bring_along: bool) -> str:
    """Says what becomes of it, for a terminal of 80 columns; empty where nothing was written."""
    if writes.unknown:
        return f"What was written to the candidate since the switch isn't known: {writes.unknown}\nIt stays there."
    if not writes.count:
        return ""
    fate = (
        "comes along, but for what the source wrote too"
        if bring_along
        else "would stay behind (--carry takes it along)"
    )
    lines = [f"{writes.count:,} rows were written to the candidate since the switch; that {fate}:"]
    most = sorted(writes.rows, key=lambda new: -new.rows)
    lines += [f"  {new.table}: {new.rows:,}{'' if new.carried else ' (no key: stays behind)'}" for new in most[:SHOWN]]
    if len(most) > SHOWN:
        lines.append(f"  and {len(most) - SHOWN} more tables")
    return "\n".join([*lines, "Rows that were deleted there since leave no trace: they come back with the source."])


def is_loss_accepted(writes: Writes, *, yes: bool) -> bool:
    """Tells whether a person types what is lost. Raises Refused where nobody can."""
    phrase = f"lose {writes.count} rows" if writes.count else "lose what isn't known"
    if yes or not sys.stdin.isatty():
        found = f"{writes.count:,} rows would stay behind" if writes.count else writes.unknown
        fix = "python -m restore rollback --carry (or --accept-loss)"
        raise Refused([Problem("option --carry", found, "a decision about them", fix)])
    return input(f'Type "{phrase}" to leave them behind: ').strip() == phrase


def build_cannot_carry(writes: Writes) -> Problem:
    fix = "python -m restore rollback --accept-loss"
    return Problem("option --carry", writes.unknown, "a candidate that tells what was written since", fix)


def carry_back(settings: Settings, since: int) -> None:
    """Brings the rows into the source while nothing runs. Raises PermanentError: the applications are stopped then."""
    assert settings.request
    now = datetime.now(UTC)
    context = RestoreContext(settings, settings.request, gather.gather(settings, now, room=False))
    source, candidate = context.source, context.candidate
    file = Path(f"carry-{settings.request.id}-{now:%Y%m%dT%H%M%SZ}.undo.sql")
    try:
        if source is None or candidate is None:
            raise PermanentError("source and candidate must both be there")
        title = f"Takes back what restore {settings.request.id} carried into {source.identifier} ({source.resource_id})"
        with (
            rescue.connect(context, source, read_only=False) as into,
            rescue.connect(context, candidate, read_only=True) as out_of,
        ):
            carried = carry.carry(into, out_of, since, file, title, print)
    except RestoreError as error:
        found = error.problem.found if error.problem else str(error)
        fix = "python -m restore rollback --accept-loss (the applications are stopped, nothing was carried)"
        raise PermanentError.of(Problem("option --carry", found, "rows that the source takes", fix)) from error
    print(render_done(carried.done, file))
    store = Store.open(settings.evidence, Aws.of(settings))
    command = "python -m restore rollback --carry"
    where = rescue.record(settings, store, source, candidate, command, carried.done, now, carried.apart)
    if carried.apart:
        print(render_apart(carried.apart, candidate.identifier, *(() if where else (None,))))
        print(f"All their keys: {where or 'above'}")
