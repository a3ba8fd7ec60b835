"""`python -m restore status`: where things stand. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from restore.aws import Aws
from restore.cli.stack_settings import settings_of
from restore.cutover import traffic
from restore.evidence import Store
from restore.inventory import gather
from restore.lifecycle.close import CLEAR_PENDING
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Request, Settings
from restore.pulumi_stack.automation import OperatorStack


def status(stack: OperatorStack, now: datetime) -> str:
    """The restore's state as found now, for an 80-column terminal."""
    settings = settings_of(stack, now)
    found = gather.gather(settings, now)
    lines = [f"stack {stack.name}, source {settings.source}: {found.source.status if found.source else 'not found'}"]
    if settings.request is None:
        lines.append("no restore is configured")
        lines += [f"open restore: {one.identifier} ({one.status})" for one in found.open_restores]
    else:
        lines += of_restore(settings, settings.request, found)
    return "\n".join([*lines, *pending(stack.export())])


def of_restore(settings: Settings, request: Request, found: Inventory) -> list[str]:
    context = RestoreContext(settings, request, found)
    now = traffic.found_traffic(context)
    lines = [
        f"restore {request.id}: traffic wanted {request.traffic}, found {now or 'half-way between two states'}",
        f"the connection secret points at: {traffic.pointing(context)}",
    ]
    candidate = found.candidate
    lines.append(f"candidate: {candidate.identifier} {candidate.status}" if candidate else "candidate: not made yet")
    lines += [
        f"  {name}: {one.replicas} wanted, {one.ready} ready" if one else f"  {name}: no such Deployment"
        for name, one in found.cluster.deployments.items()
    ]
    return lines + gates(settings, request)


def gates(settings: Settings, request: Request) -> list[str]:
    """The newest attempt of each gate, from the evidence."""
    store = Store.open(settings.evidence, Aws.of(settings))
    newest: dict[str, Mapping[str, Any]] = {
        str(one["gate"]): one for one in store.read_all(settings.stack, request.id) if "gate" in one
    }
    return [
        f"gate {name}: {'open' if one.get('open') else 'SHUT'}: {one.get('summary')} ({one.get('ended')})"
        for name, one in newest.items()
    ] or ["no gate has been tried yet"]


def pending(state: Mapping[str, Any]) -> list[str]:
    """Operations that a killed run left in the state, with the command that clears them."""
    found = cast("list[dict[str, Any]]", state["deployment"].get("pending_operations") or [])
    if not found:
        return []
    names = [f"  {one['type']} {str(one['resource']['urn']).rpartition('::')[2]}" for one in found]
    return [
        "a killed run left operations pending; what exists is found and adopted by the next `pulumi up`:",
        *names,
        f"  to clear them: {CLEAR_PENDING}; pulumi up",
    ]
