"""`python -m restore status --handover`: five lines for who takes over, to be pasted into a chat. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from restore.cutover import traffic
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.rds import Instance
from restore.model.request import Settings, Traffic
from restore.status.places import link_console
from restore.units import TIME_FORMAT


def describe_handover(
    stack: str, settings: Settings, inventory: Inventory, records: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Returns who serves, where the restore is, what is safe, what is next, and where to see more. `records`: of the
    restore's evidence, oldest first."""
    if settings.request is None:
        return _describe_quiet(stack, settings, inventory)
    context = RestoreContext(settings, settings.request, inventory)
    gates = {str(record["gate"]): record.get("open") is True for record in records if "gate" in record}
    found = traffic.find_traffic(context)
    serving = {Traffic.SOURCE: inventory.source, Traffic.RESTORED: inventory.candidate}.get(found) if found else None
    return (
        f"Serves: {name_serving(found, serving)} (stack {stack}, {inventory.now:{TIME_FORMAT}})",
        f"Where: {_describe_progress(context, found, gates)}",
        f"Safe: {describe_safe(context, serving)}",
        f"Next: {describe_next(context, found, gates)}",
        f"More: {_show_more(stack, settings, inventory.candidate or inventory.source)}",
    )


def _describe_quiet(stack: str, settings: Settings, inventory: Inventory) -> tuple[str, ...]:
    source, still_open = inventory.source, [item.identifier for item in inventory.open_restores]
    return (
        f"Serves: {_name_instance(source)} is configured as source (stack {stack}, {inventory.now:{TIME_FORMAT}})",
        f"Where: no restore is configured; open: {', '.join(still_open) or 'none'}",
        f"Safe: {describe_recoverability(source).text if source else f'{settings.source} does not exist'}",
        f"Next: {'configure the open restore again, then: python -m restore close' if still_open else 'nothing to do'}",
        f"More: {_show_more(stack, settings, source)}",
    )


def _name_instance(instance: Instance | None) -> str:
    return (
        f"{instance.identifier} ({instance.resource_id}, {instance.status})" if instance else "an instance that is gone"
    )


def name_serving(found: Traffic | None, serving: Instance | None) -> str:
    if found is Traffic.FROZEN:
        return "nobody: the applications are stopped"
    if found is None:
        return "not clear: traffic is half-way between two states"
    return f"the {'restored database' if found is Traffic.RESTORED else 'source'}, {_name_instance(serving)}"


def _describe_progress(context: RestoreContext, found: Traffic | None, gates: Mapping[str, bool]) -> str:
    request, candidate = context.request, context.candidate
    made = f"candidate {_name_instance(candidate)}" if candidate else "candidate not made yet"
    opened = ", ".join(name for name, is_open in gates.items() if is_open) or "none"
    return (
        f"restore {request.id} by {request.method}; traffic wanted {request.traffic}, found {found or 'half-way'}; "
        f"{made}; gates open: {opened}; shut: {', '.join(_list_shut(gates)) or 'none'}"
    )


def _list_shut(gates: Mapping[str, bool]) -> list[str]:
    return [name for name, is_open in gates.items() if not is_open]


def describe_safe(context: RestoreContext, serving: Instance | None) -> str:
    snapshot = context.safety
    safety = f"safety snapshot {snapshot.identifier} {snapshot.status}" if snapshot else "no safety snapshot yet"
    source = f"source {_name_instance(context.source)}" if context.source else "the source is gone"
    recoverable = f"; {describe_recoverability(serving).text}" if serving else ""
    return f"{source}; {safety}{recoverable}"


def describe_next(context: RestoreContext, found: Traffic | None, gates: Mapping[str, bool]) -> str:
    if shut := _list_shut(gates):
        return f"gate {', '.join(shut)} is shut: python -m restore status says why; then: pulumi up"
    if found is not context.request.traffic:
        return "pulumi up (goes on where it stopped)"
    if found is Traffic.RESTORED:
        return "watch it; then: python -m restore close (or back to the source: python -m restore rollback)"
    if found is Traffic.FROZEN and gates.get("validated"):
        return "pulumi config set traffic restored; pulumi up"
    if found is Traffic.FROZEN:
        return "pulumi up (until gate validated is open)"
    return "pulumi config set traffic frozen; pulumi up (or it is over: python -m restore close)"


def _show_more(stack: str, settings: Settings, instance: Instance | None) -> str:
    command = f"python -m restore --stack {stack} status"
    return f"{command}; {link_console(settings.region, instance.identifier)}" if instance else command
