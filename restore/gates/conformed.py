"""Gate `conformed`: the candidate is up, is ours, and has the source's settings.

A restore gives defaults for what isn't passed, and the PITR call ignores some of what is (rds-facts): the gate brings
such settings in line, waits for the wanted setting (not for `available`, which can be the past), and compares.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from restore.aws.translate import differences
from restore.errors import Problem, TemporaryError
from restore.gates.hook import Proof, Watch
from restore.gates.world import World
from restore.model import Instance, InstanceSettings, Verdict
from restore.schema import camel_case
from restore.waiting import wait_for

SECONDS = 24 * 3600.0
USABLE = frozenset({"available", "backing-up", "storage-optimization"})
"""`backing-up` can last for hours and the instance is usable in it (rds-facts)."""


def prove(world: World, watch: Watch) -> Proof:
    """Waits for the candidate, changes what differs from the plan's settings, and proves that nothing does."""
    candidate = usable(world, watch)
    before = different(world, candidate)
    if before:
        watch.say(f"bringing in line: {', '.join(sorted(before))}")
        candidate = brought_in_line(world, watch, candidate)
    after = different(world, candidate)
    facts: dict[str, Any] = {
        "candidate": candidate.identifier,
        "resource_id": candidate.resource_id,
        "endpoint": str(candidate.endpoint),
        "engine_version": candidate.engine_version,
        "status": candidate.status,
        "changed": {
            name: {"from": found, "to": wanted} for name, (found, wanted) in before.items() if name not in after
        },
    }
    facts["settings"] = compared(world, candidate)
    problems = tuple(differs(candidate, name, wanted, found) for name, (found, wanted) in after.items())
    if problems:
        return Proof(Verdict.FAIL, "settings differ from the source's", facts, problems)
    return Proof(Verdict.PASS, f"{candidate.identifier} is {candidate.status}; its settings are the wanted ones", facts)


def compared(world: World, candidate: Instance) -> dict[str, Any]:
    """Every setting that anybody has a value for: the source's, the wanted one, and the candidate's."""
    sides = {"wanted": world.plan.settings, "found": candidate.settings}
    if world.plan.source:
        sides = {"source": world.plan.source.settings, **sides}
    rows = {
        camel_case(field.name): {side: getattr(settings, field.name) for side, settings in sides.items()}
        for field in fields(InstanceSettings)
    }
    return {name: row for name, row in rows.items() if any(value not in (None, ()) for value in row.values())}


def usable(world: World, watch: Watch) -> Instance:
    """Waits until the candidate answers under an address; raises PermanentError in a status that can't end well."""
    resource_id = world.candidate().resource_id

    def ready(found: Instance) -> bool:
        ok = found.status in USABLE and found.endpoint is not None
        if not ok:
            watch.say(f"{found.identifier} is {found.status}")
        return ok

    return world.rds.wait_until(
        resource_id, ready, stop=watch.stop, deadline=watch.deadline, subject=f"{world.plan.candidate} to be usable"
    )


def brought_in_line(world: World, watch: Watch, candidate: Instance) -> Instance:
    """Modifies what differs, and waits until it holds. Returns the candidate as it is, also when that never happens."""
    wanted = world.plan.settings
    wait_for(
        lambda: world.rds.modify(candidate.resource_id, wanted),
        lambda _sent: True,
        stop=watch.stop,
        deadline=watch.deadline,
        subject=f"{candidate.identifier} to take a modification",
    )
    try:
        return world.rds.wait_until(
            candidate.resource_id,
            lambda found: found.status in USABLE and not different(world, found),
            stop=watch.stop,
            deadline=watch.deadline,
            subject=f"the settings of {candidate.identifier}",
        )
    except TemporaryError:
        if watch.stop.is_set():
            raise
        return world.candidate()


def different(world: World, candidate: Instance) -> dict[str, tuple[Any, Any]]:
    """Found and wanted values of the settings that differ, by the name used in config."""
    found = differences(candidate.settings, world.plan.settings)
    return {camel_case(name): pair for name, pair in found.items()}


def differs(candidate: Instance, name: str, wanted: Any, found: Any) -> Problem:
    return Problem(
        f"conformed.{name}",
        repr(found),
        f"{wanted!r}, as the source has it (or the key instance says)",
        f"pulumi config set --path instance.{name} <value> if another value is right, or waive it: "
        f'pulumi config set --path \'waive["conformed.{name}"]\' "<reason>"; candidate: {candidate.identifier}',
    )
