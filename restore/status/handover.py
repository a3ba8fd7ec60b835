"""`python -m restore status --handover`: five lines for who takes over, to be pasted into a chat. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from restore.lifecycle.recoverability import describe_recoverability
from restore.model.context import RestoreContext
from restore.model.rds import Instance
from restore.model.request import Traffic
from restore.status.model import Status
from restore.units import TIME_FORMAT


def describe_handover(status: Status, now: datetime) -> tuple[str, ...]:
    """Returns who serves, where the restore is, who runs it, what is safe, what is next, and where to see more."""
    gates = {gate.name: gate.state for gate in status.gates}
    opened = ", ".join(name for name, state in gates.items() if state == "open") or "none"
    shut = ", ".join(name for name, state in gates.items() if state == "SHUT") or "none"
    where = f"{status.restore}; gates open: {opened}; shut: {shut}" if gates else status.restore
    places = [place.console for place in status.places if place.console]
    command = f"python -m restore --stack {status.stack} status"
    return (
        f"Serves: {status.serves} (stack {status.stack}, {now:{TIME_FORMAT}})",
        f"Where: restore {where}; run: {status.run}" if gates else f"Where: {where}; run: {status.run}",
        f"Safe: {status.safe}",
        f"Next: {status.next}",
        f"More: {'; '.join([command, *places[:1]])}",
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
        return f"gate {', '.join(shut)} is shut: python -m restore report (says why, and what to do); then: pulumi up"
    if found is not context.request.traffic:
        return "pulumi up (goes on where it stopped)"
    if found is Traffic.RESTORED:
        return "watch it; then: python -m restore close (or back to the source: python -m restore rollback)"
    if found is Traffic.FROZEN and gates.get("validated"):
        second = "python -m restore approve (a second person); " if context.settings.approvals > 1 else ""
        return f"{second}pulumi config set traffic restored; pulumi up"
    if found is Traffic.FROZEN:
        return "pulumi up (until gate validated is open)"
    return "pulumi config set traffic frozen; pulumi up (or it is over: python -m restore close)"
