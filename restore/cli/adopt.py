"""`python -m restore adopt`: a lost state is made again from tags, names and evidence. Shows first, then does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from restore import plan as plans
from restore.aws import Aws
from restore.aws.parse import find_differences
from restore.cli.stack_settings import read_settings, require_alone
from restore.config.keys import to_camel_case
from restore.cutover import traffic
from restore.errors import PermanentError, Problem, Refused, RestoreError
from restore.evidence import Store, provenance, publish
from restore.gates import registry
from restore.gates.context import GateContext
from restore.inventory import gather
from restore.lifecycle import adopt
from restore.lifecycle.adopt import Adoption
from restore.model.context import RestoreContext
from restore.model.labels import TAG_ID
from restore.model.rds import Instance, InstanceSettings
from restore.model.request import Settings
from restore.program import adoption as program
from restore.pulumi_stack.automation import OperatorStack, PlannedStep

HARMLESS = frozenset({"import", "same", "read", "refresh"})
"""What may become of a resource of AWS."""
ONLY_IN_STATE = frozenset(
    {"applyImmediately", "deleteAutomatedBackups", "finalSnapshotIdentifier", "skipFinalSnapshot"}
)
"""What the AWS plugin keeps for calls to come: RDS has nothing of it, and an update of it calls nothing
(hashicorp/terraform-provider-aws, internal/service/rds/instance.go, HasChangesExcept)."""


def run(stack: OperatorStack, named: str | None, confirm: Callable[[str], bool]) -> bool:
    """Adopts the restore; False when that was declined. Raises Refused where there is nothing to adopt or the state
    isn't lost, PermanentError where anything but the state would be changed."""
    now = datetime.now(UTC)
    config, settings = find_config(stack, named, now)
    request = settings.request
    assert request is not None
    require_alone(settings)
    adopt.require_lost(stack.export(), request.id)
    inventory = gather.gather(settings, now, room=False)
    context = GateContext.of(settings, plans.make(settings, inventory))
    records = read_records(context.store, settings, request.id)
    adoption = adopt.make_adoption(context.plan, records, list_fingerprints(context), config, list_changes)
    if not confirm(adopt.render(adoption, stack.name, settings.evidence)):
        return False
    context = replace(context, plan=adoption.plan)
    declare = partial(program.declare, context, adoption)
    require_harmless(stack.preview(declare))
    stack.set(adoption.config, [])
    stack.up(declare, f"adopt restore {request.id}")
    record(context, adoption, now)
    return True


def find_config(stack: OperatorStack, named: str | None, now: datetime) -> tuple[dict[str, str], Settings]:
    """Returns the keys that the configuration lacks, and the settings with them: where it names a restore it is as it
    stands, otherwise the restore is found by its tags. Raises Refused where another one is `named` than is configured,
    or none is found."""
    settings = read_settings(stack, now)
    if settings.request:
        if named and named != settings.request.id:
            fix = f"pulumi config set id {named} (with its method and recovery point), then again"
            raise Refused([Problem("config id", f"{settings.request.id} is configured", named, fix)])
        return {}, settings
    instance = adopt.choose_instance(settings.stack, named, gather.gather(settings, now, room=False).open_restores)
    last_run = read_last_run(settings, instance.tags.get(TAG_ID, ""))
    config = adopt.build_config(instance, last_run)
    settings = read_settings(stack, now, config)
    assert settings.request
    inventory = gather.gather(settings, now, room=False)
    found = traffic.find_traffic(RestoreContext(settings, settings.request, inventory))
    config["restore:traffic"] = str(adopt.choose_traffic(found, last_run))
    return config, read_settings(stack, now, config)


def read_last_run(settings: Settings, restore_id: str) -> Mapping[str, Any] | None:
    """Returns the record of the restore's last run; None where the evidence is gone too."""
    try:
        return Store.open(settings.evidence, Aws.of(settings)).read_latest(settings.stack, restore_id, "run")
    except RestoreError as error:
        print(f"the evidence can't be read, and what only it knows is left out: {error}")
        return None


def read_records(store: Store, settings: Settings, restore_id: str) -> tuple[Mapping[str, Any], ...]:
    try:
        return store.read_all(settings.stack, restore_id)
    except RestoreError as error:
        print(f"the evidence can't be read, and every gate is left to the next `pulumi up`: {error}")
        return ()


def list_fingerprints(context: GateContext) -> dict[str, Mapping[str, Any]]:
    """Returns what each receipt would say now besides the plan."""
    return {gate.name: registry.make_gate(context, gate.name).fingerprint for gate in adopt.EVIDENCED}


def list_changes(candidate: Instance, proved: InstanceSettings) -> tuple[str, ...]:
    """Returns the settings that RDS no longer has as they were proved, by their names in the configuration."""
    return tuple(to_camel_case(name) for name in find_differences(candidate.settings, proved))


def require_harmless(steps: Sequence[PlannedStep]) -> None:
    """Raises PermanentError where anything of AWS or of the cluster would be made, changed or deleted."""
    outside = [step for step in steps if step.type.startswith(("aws:", "kubernetes:"))]
    harmful = [step for step in outside if step.kind not in HARMLESS and not is_only_in_state(step)]
    if harmful:
        what = ", ".join(f"{step.kind} {step.name} {list(step.changes) or ''}".rstrip() for step in harmful)
        raise PermanentError(f"nothing was adopted: it would {what}\n  fix: pulumi preview (shows what differs)")


def is_only_in_state(step: PlannedStep) -> bool:
    """Tells whether an update changes nothing but what the plugin itself remembers."""
    return step.kind == "update" and bool(step.changes) and ONLY_IN_STATE.issuperset(step.changes)


def record(context: GateContext, adoption: Adoption, now: datetime) -> None:
    """Records who adopted what. The state is there without it: a fault is told, not raised."""
    candidate = adoption.plan.candidate_found
    content = {
        "began": now.isoformat(),
        "operator": provenance.read_operator(context.aws),
        "resource_id": candidate.resource_id if candidate else "",
        "receipts": list(adoption.proofs),
    }
    try:
        publish.record(context.store, adoption.plan.stack, adoption.plan.id, adopt.RECORD, content, warn=print)
    except RestoreError as error:
        print(f"the adoption could not be recorded in the evidence: {error}")
