"""Gate `conformed`: the candidate is up, is ours, and has the source's settings.

A restore gives defaults for what isn't passed, and the PITR call takes fewer settings than the snapshot call (API
reference of RestoreDBInstanceToPointInTime): the gate brings
such settings in line, waits for the wanted setting (not for `available`, which can be the past), and compares. Once
the candidate has served it is production: then it is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from restore.aws.parse import differences
from restore.candidate.settings import thawed
from restore.config.keys import camel_case
from restore.errors import Problem, TemporaryError
from restore.gates.context import GateContext
from restore.gates.hook import KEPT_SETTINGS, RESOURCE_ID, Proof, Watch
from restore.gates.proofs import earlier
from restore.model.rds import Instance, InstanceSettings
from restore.model.rds_status import USABLE
from restore.polling import wait_for
from validation.verdict import Verdict

SECONDS = 24 * 3600.0


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits for the candidate, changes what differs from the wanted settings, and proves that nothing does.

    One that serves or has served is compared and never changed."""
    if context.plan.switched_before:
        return of_production(context, watch)
    candidate, wanted = usable(context, watch), target_settings(context, watch)
    before = different(wanted, candidate)
    if before:
        watch.say(f"bringing in line: {', '.join(sorted(before))}")
        candidate = brought_in_line(context, watch, candidate, wanted)
    after = different(wanted, candidate)
    changed = {name: {"from": found, "to": needed} for name, (found, needed) in before.items() if name not in after}
    return judged(context, candidate, wanted, after, changed)


def of_production(context: GateContext, watch: Watch) -> Proof:
    """The earlier proof of this very instance, where there is one; else its settings as they are."""
    candidate, wanted = context.candidate(), target_settings(context, watch)
    if held := earlier(context, watch, candidate):
        if found := different(wanted, candidate):
            watch.say(f"{candidate.identifier} serves or has served and stays as it is; differing: {', '.join(found)}")
        return held
    return judged(context, candidate, wanted, different(wanted, candidate), {})


def target_settings(context: GateContext, watch: Watch) -> InstanceSettings:
    """Those of the candidate's creation, kept in the state: the source may have been changed since then."""
    kept = watch.receipt.get(KEPT_SETTINGS)
    if not isinstance(kept, str) or not kept:
        return context.plan.settings
    return thawed(kept, context.settings.instance)


def judged(
    context: GateContext,
    candidate: Instance,
    wanted: InstanceSettings,
    differing: Mapping[str, tuple[Any, Any]],
    changed: Mapping[str, Any],
) -> Proof:
    facts: dict[str, Any] = {
        "candidate": candidate.identifier,
        RESOURCE_ID: candidate.resource_id,
        "endpoint": str(candidate.endpoint),
        "engine_version": candidate.engine_version,
        "status": candidate.status,
        "changed": dict(changed),
        "settings": compared(context, candidate, wanted),
    }
    problems = tuple(differs(candidate, name, needed, found) for name, (found, needed) in differing.items())
    if problems:
        return Proof(Verdict.FAIL, "settings differ from the wanted ones", facts, problems)
    return Proof(Verdict.PASS, f"{candidate.identifier} is {candidate.status}; its settings are the wanted ones", facts)


def compared(context: GateContext, candidate: Instance, wanted: InstanceSettings) -> dict[str, Any]:
    """Every setting that anybody has a value for: the source's, the wanted one, and the candidate's."""
    sides = {"wanted": wanted, "found": candidate.settings}
    if context.plan.source:
        sides = {"source": context.plan.source.settings, **sides}
    rows = {
        camel_case(field.name): {side: getattr(settings, field.name) for side, settings in sides.items()}
        for field in fields(InstanceSettings)
    }
    return {name: row for name, row in rows.items() if any(value not in (None, ()) for value in row.values())}


def usable(context: GateContext, watch: Watch) -> Instance:
    """Waits until the candidate answers under an address; raises PermanentError in a status that can't end well."""
    resource_id = context.candidate().resource_id

    def ready(found: Instance) -> bool:
        ok = found.status in USABLE and found.endpoint is not None
        if not ok:
            watch.say(f"{found.identifier} is {found.status}")
        return ok

    return context.rds.wait_until(
        resource_id, ready, stop=watch.stop, deadline=watch.deadline, subject=f"{context.plan.candidate} to be usable"
    )


def brought_in_line(context: GateContext, watch: Watch, candidate: Instance, wanted: InstanceSettings) -> Instance:
    """Modifies what differs, and waits until it holds. Returns the candidate as it is, also when that never happens."""
    wait_for(
        lambda: context.rds.modify(candidate.resource_id, wanted),
        lambda _sent: True,
        stop=watch.stop,
        deadline=watch.deadline,
        subject=f"{candidate.identifier} to take a modification",
    )
    try:
        return context.rds.wait_until(
            candidate.resource_id,
            lambda found: found.status in USABLE and not different(wanted, found),
            stop=watch.stop,
            deadline=watch.deadline,
            subject=f"the settings of {candidate.identifier}",
        )
    except TemporaryError:
        if watch.stop.is_set():
            raise
        return context.candidate()


def different(wanted: InstanceSettings, candidate: Instance) -> dict[str, tuple[Any, Any]]:
    """Found and wanted values of the settings that differ, by the name used in config."""
    found = differences(candidate.settings, wanted)
    return {camel_case(name): pair for name, pair in found.items()}


def differs(candidate: Instance, name: str, wanted: Any, found: Any) -> Problem:
    return Problem(
        f"conformed.{name}",
        repr(found),
        f"{wanted!r} for {candidate.identifier}, as the source had it (or the key instance says)",
        f"if another value is right: pulumi config set --path instance.{name} <value>; pulumi up",
    )
