"""Gate `conformed`: the candidate is up, is ours, and has the source's settings.

A restore gives defaults for what isn't passed, and the PITR call takes fewer settings than the snapshot call (API
reference of RestoreDBInstanceToPointInTime): the gate brings such settings in line, waits for the wanted setting (not
for `available`, which can be the past), and compares. Once the candidate has served it is production: then it is never
changed.
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
from restore.gates.proofs import earlier_proof
from restore.model.rds import Instance, InstanceSettings
from restore.model.rds_status import USABLE
from validation.verdict import Verdict

SECONDS = 24 * 3600.0


def prove(context: GateContext, watch: Watch) -> Proof:
    """Waits for the candidate, changes what differs from the wanted settings, and proves that nothing does.

    A candidate that serves or has served is compared and never changed."""
    if context.plan.switched_before:
        return compare_production(context, watch)
    candidate, wanted = wait_until_usable(context, watch), target_settings(context, watch)
    before = differing_settings(wanted, candidate)
    if before:
        watch.say(f"bringing in line: {', '.join(sorted(before))}")
        candidate = bring_in_line(context, watch, candidate, wanted)
    after = differing_settings(wanted, candidate)
    changed = {name: {"from": old, "to": new} for name, (old, new) in before.items() if name not in after}
    return judge(context, candidate, wanted, after, changed)


def compare_production(context: GateContext, watch: Watch) -> Proof:
    """The earlier proof of this very instance, where there is one; otherwise its settings as they are."""
    candidate, wanted = context.candidate(), target_settings(context, watch)
    if proof := earlier_proof(context, watch, candidate):
        if names := ", ".join(differing_settings(wanted, candidate)):
            watch.say(f"{candidate.identifier} serves or has served and stays as it is; differing: {names}")
        return proof
    return judge(context, candidate, wanted, differing_settings(wanted, candidate), {})


def target_settings(context: GateContext, watch: Watch) -> InstanceSettings:
    """The settings kept in the state at the candidate's creation: the source may have been changed since then."""
    kept = watch.receipt.get(KEPT_SETTINGS)
    if not isinstance(kept, str) or not kept:
        return context.plan.settings
    return thawed(kept, context.settings.instance)


def judge(
    context: GateContext,
    candidate: Instance,
    wanted: InstanceSettings,
    differing: Mapping[str, tuple[Any, Any]],
    changed: Mapping[str, Any],
) -> Proof:
    """PASS when no setting differs. `differing`: found and wanted values; `changed`: what this run has changed."""
    facts: dict[str, Any] = {
        "candidate": candidate.identifier,
        RESOURCE_ID: candidate.resource_id,
        "endpoint": str(candidate.endpoint),
        "engine_version": candidate.engine_version,
        "status": candidate.status,
        "changed": dict(changed),
        "settings": list_settings(context, candidate, wanted),
    }
    problems = tuple(setting_problem(candidate, name, needed, found) for name, (found, needed) in differing.items())
    if problems:
        return Proof(Verdict.FAIL, "settings differ from the wanted ones", facts, problems)
    return Proof(Verdict.PASS, f"{candidate.identifier} is {candidate.status}; its settings are the wanted ones", facts)


def list_settings(context: GateContext, candidate: Instance, wanted: InstanceSettings) -> dict[str, Any]:
    """Every setting that anybody has a value for: the source's, the wanted one, and the candidate's."""
    sides = {"wanted": wanted, "found": candidate.settings}
    if context.plan.source:
        sides = {"source": context.plan.source.settings, **sides}
    rows = {
        camel_case(field.name): {side: getattr(settings, field.name) for side, settings in sides.items()}
        for field in fields(InstanceSettings)
    }
    return {name: row for name, row in rows.items() if any(value not in (None, ()) for value in row.values())}


def wait_until_usable(context: GateContext, watch: Watch) -> Instance:
    """Waits until the candidate answers under an address; raises PermanentError in a status that can't end well."""
    resource_id = context.candidate().resource_id

    def ready(instance: Instance) -> bool:
        is_ready = instance.status in USABLE and instance.endpoint is not None
        if not is_ready:
            watch.say(f"{instance.identifier} is {instance.status}")
        return is_ready

    return context.rds.wait_until(
        resource_id, ready, stop=watch.stop, deadline=watch.deadline, subject=f"{context.plan.candidate} to be usable"
    )


def bring_in_line(context: GateContext, watch: Watch, candidate: Instance, wanted: InstanceSettings) -> Instance:
    """Modifies what differs and waits until it holds; returns the candidate as it is, also when that never happens.

    Raises TemporaryError when the operator stops the run, PermanentError when RDS refuses the modification.
    """
    watch.wait_for(
        lambda: context.rds.modify(candidate.resource_id, wanted),
        lambda _sent: True,
        subject=f"{candidate.identifier} to take a modification",
    )
    try:
        return context.rds.wait_until(
            candidate.resource_id,
            lambda instance: instance.status in USABLE and not differing_settings(wanted, instance),
            stop=watch.stop,
            deadline=watch.deadline,
            subject=f"the settings of {candidate.identifier}",
        )
    except TemporaryError:
        if watch.stop.is_set():
            raise
        return context.candidate()


def differing_settings(wanted: InstanceSettings, candidate: Instance) -> dict[str, tuple[Any, Any]]:
    """Found and wanted values of the settings that differ, by the name used in config."""
    return {camel_case(name): pair for name, pair in differences(candidate.settings, wanted).items()}


def setting_problem(candidate: Instance, name: str, wanted: Any, found: Any) -> Problem:
    """The problem `conformed.<setting>`, by the setting's name in config."""
    return Problem(
        f"conformed.{name}",
        repr(found),
        f"{wanted!r} for {candidate.identifier}, as the source had it (or the key instance says)",
        f"pulumi config set --path instance.{name} <value> (where another value is right); pulumi up",
    )
