"""`python -m restore status`: where things stand. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from restore.aws import Aws
from restore.cli.handover import describe_handover
from restore.cli.left_database import describe_left
from restore.cli.stack_settings import read_settings
from restore.credentials.journal import Journals
from restore.credentials.plan import COMMAND
from restore.cutover import traffic
from restore.evidence import Store
from restore.inventory import gather
from restore.kubernetes import Api
from restore.lifecycle import pending
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Request, Settings, Traffic
from restore.pulumi_stack.automation import OperatorStack


def read_status(stack: OperatorStack, now: datetime) -> str:
    """Returns the restore's state as found now, for an 80-column terminal."""
    settings = read_settings(stack, now)
    inventory = gather.gather(settings, now, room=False)
    lines = [f"stack {stack.name}, source {settings.source}: {describe_source(inventory)}"]
    if settings.request is None:
        lines.append("no restore is configured")
        lines += [f"open restore: {instance.identifier} ({instance.status})" for instance in inventory.open_restores]
    else:
        lines += describe_restore(settings, settings.request, inventory)
    return "\n".join([*lines, *describe_pending_operations(stack.export(), inventory)])


def describe_source(inventory: Inventory) -> str:
    region = inventory.source_region
    found = inventory.source.status if inventory.source else "not found"
    if region is None:
        return found
    return f"{found} in {region.name}" if region.answers else f"{region.name} doesn't answer"


def read_handover(stack: OperatorStack, now: datetime) -> str:
    """Returns five lines to paste for who takes over, as found now."""
    settings = read_settings(stack, now)
    inventory = gather.gather(settings, now, room=False)
    request = settings.request
    records = Store.open(settings.evidence, Aws.of(settings)).read_all(settings.stack, request.id) if request else ()
    return "\n".join(describe_handover(stack.name, settings, inventory, records))


def describe_restore(settings: Settings, request: Request, inventory: Inventory) -> list[str]:
    context = RestoreContext(settings, request, inventory)
    now = traffic.find_traffic(context)
    lines = [
        f"restore {request.id}: traffic wanted {request.traffic}, found {now or 'half-way between two states'}",
        f"the connection secret points at: {traffic.find_pointing(context)}",
    ]
    candidate = inventory.candidate
    lines.append(f"candidate: {candidate.identifier} {candidate.status}" if candidate else "candidate: not made yet")
    lines += [
        f"  {name}: {deployment.replicas} wanted, {deployment.ready} ready"
        if deployment
        else f"  {name}: no such Deployment"
        for name, deployment in inventory.cluster.deployments.items()
    ]
    if Journals(Api(settings.kubeconfig, settings.context), settings.namespace, request.id).is_kept():
        lines.append(f"credentials: a rotation was begun and isn't done; finish it: {COMMAND}")
    store = Store.open(settings.evidence, Aws.of(settings))
    return [*lines, *describe_databases(context, store, now), *describe_gates(store, settings, request)]


def describe_databases(context: RestoreContext, store: Store, now: Traffic | None) -> list[str]:
    """Returns how far the database that serves can be recovered, and what goes on at the one that was left.

    Before traffic was moved for the first time nothing was left, and the source is as it was."""
    pair = {Traffic.RESTORED: (context.candidate, context.source), Traffic.SOURCE: (context.source, context.candidate)}
    serving, left = (
        pair.get(now, (None, None)) if now and (context.manages_secret or context.has_served) else (None, None)
    )
    return [
        *([describe_recoverability(serving).text] if serving else []),
        *(describe_left(context, store, left) if left else []),
    ]


def describe_gates(store: Store, settings: Settings, request: Request) -> list[str]:
    """Returns the newest attempt of each gate, from the evidence."""
    newest: dict[str, Mapping[str, Any]] = {
        str(record["gate"]): record for record in store.read_all(settings.stack, request.id) if "gate" in record
    }
    return [
        f"gate {name}: {'open' if record.get('open') else 'SHUT'}: {record.get('summary')} ({record.get('ended')})"
        for name, record in newest.items()
    ] or ["no gate has been tried yet"]


def describe_pending_operations(state: Mapping[str, Any], inventory: Inventory) -> list[str]:
    """Returns what killed runs left pending in the state, what exists of it, and that nothing needs to be done."""
    operations = pending.read_pending(state)
    if not operations:
        return []
    unknown = pending.unknown_problems(operations)
    return [
        *pending.describe_harmless(operations),
        *pending.describe_in_aws(operations, inventory),
        *(f"{problem.subject}: {problem.found}; to clear them: {problem.fix}" for problem in unknown),
        "  `pulumi up` goes on over them, whatever the engine warns; `python -m restore close` clears them",
    ]
