"""Makes what `status` says of what was read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from restore.cutover import connection_url, traffic
from restore.evidence.current_run import CurrentRun, Life
from restore.lifecycle import pending
from restore.lifecycle.recoverability import describe_recoverability
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.request import Traffic
from restore.report.verdict import GateState, judge
from restore.status.handover import describe_next, describe_safe, name_serving
from restore.status.model import Found, GateLine, Situation, Status
from restore.status.places import list_places
from restore.status.progress import list_steps
from restore.units import format_duration, format_moment
from validation.connect import urls

UNLOCK = "pulumi cancel --yes (once that run is surely over: it lets go of Pulumi's lock); pulumi up"


def build(found: Found) -> Status:
    """Returns what is said. What couldn't be read leaves its part out, and stands in `unread`."""
    inventory, request = found.inventory, found.settings.request
    if inventory is None:
        return _build_unknown(found)
    if request is None:
        return _build_quiet(found, inventory)
    context = RestoreContext(found.settings, request, inventory)
    return _build_restore(found, context)


def _build_unknown(found: Found) -> Status:
    """What the evidence tells alone."""
    request = found.settings.request
    judgement = judge(found.records)
    return Status(
        found.stack,
        found.now,
        Situation.UNKNOWN,
        serves="not known: AWS and the cluster could not be read",
        restore=f"restore {request.id}: {judgement.headline}" if request else "no restore is configured",
        run=describe_run(found.run, found.now),
        next="see below what could not be read; then: python -m restore status",
        safe="not known",
        gates=tuple(_list_gates(judgement.gates)),
        notes=found.notes,
        unread=found.unread,
    )


def _build_quiet(found: Found, inventory: Inventory) -> Status:
    source, settings = inventory.source, found.settings
    still_open = [f"{item.identifier} ({item.status})" for item in inventory.open_restores]
    return Status(
        found.stack,
        found.now,
        decide_quiet(found, still_open=bool(still_open)),
        serves=f"{settings.source} is configured as source: {describe_source(inventory)}",
        restore=f"no restore is configured; open: {', '.join(still_open) or 'none'}",
        run=describe_run(found.run, found.now),
        next="configure the open restore again, then: python -m restore close" if still_open else "nothing to do",
        safe=describe_recoverability(source).text if source else f"{settings.source} does not exist",
        notes=(*found.notes, *describe_state(found, inventory)),
        unread=found.unread,
    )


def _build_restore(found: Found, context: RestoreContext) -> Status:
    inventory, request = context.inventory, context.request
    now_traffic = traffic.find_traffic(context)
    judgement = judge(found.records)
    databases = {Traffic.SOURCE: inventory.source, Traffic.RESTORED: inventory.candidate}
    serving = databases.get(now_traffic) if now_traffic else None
    opened = {gate.name: gate.open for gate in judgement.gates if gate.attempt is not None}
    situation = decide(found, now_traffic, judgement.gates)
    incident = f" ({request.incident})" if request.incident else ""
    return Status(
        found.stack,
        found.now,
        situation,
        serves=f"{name_serving(now_traffic, serving)}; the secret points at: {traffic.find_pointing(context)}",
        restore=(
            f"{request.id}{incident} from {request.recovery_point}; traffic wanted {request.traffic}, "
            f"found {now_traffic or 'half-way between two states'}; {_describe_candidate(context)}"
        ),
        run=describe_run(found.run, found.now),
        next=choose_next(found, situation, describe_next(context, now_traffic, opened)),
        safe=describe_safe(context, serving),
        steps=list_steps(context, found.records, found.run, found.history),
        gates=tuple(_list_gates(judgement.gates)),
        notes=(*found.notes, *describe_state(found, inventory)),
        places=list_places(context, find_database(context)),
        unread=found.unread,
    )


def decide(found: Found, now_traffic: Traffic | None, gates: Sequence[GateState]) -> Situation:
    """Returns where the stack stands. A gate that is shut counts only once nobody works at it any more."""
    request = found.settings.request
    if is_running(found.run, found.now):
        return Situation.RUNNING
    if found.unread:
        return Situation.UNKNOWN
    if any(gate.attempt is not None and not gate.open for gate in gates):
        return Situation.SHUT
    if request is None or now_traffic is not request.traffic or not gates or not all(gate.open for gate in gates):
        return Situation.UNFINISHED
    if found.run and found.run.judge(found.now) is Life.SILENT:
        return Situation.UNFINISHED
    return Situation.DONE if now_traffic is Traffic.RESTORED else Situation.WAITING


def decide_quiet(found: Found, *, still_open: bool) -> Situation:
    """Returns where a stack stands without a restore in its configuration."""
    if is_running(found.run, found.now):
        return Situation.RUNNING
    if found.unread:
        return Situation.UNKNOWN
    return Situation.WAITING if still_open else Situation.DONE


def is_running(run: CurrentRun | None, now: datetime) -> bool:
    """Tells whether somebody runs `pulumi up` now."""
    return run is not None and run.judge(now) is Life.RUNNING


def choose_next(found: Found, situation: Situation, otherwise: str) -> str:
    """Returns what is next: while somebody runs it, to wait; after a kill, Pulumi's lock is in the way."""
    run = found.run
    if situation is Situation.RUNNING and run:
        return f"wait for the run of {run.user}@{run.host} (python -m restore status --watch shows how it goes on)"
    if run and run.judge(found.now) is Life.SILENT:
        return UNLOCK
    return otherwise


def describe_run(run: CurrentRun | None, now: datetime) -> str:
    """Says who runs `pulumi up`, or ran it last, by the heartbeat in the evidence store."""
    if run is None:
        return "nobody has run `pulumi up` yet, as far as the evidence tells"
    began = f"restore {run.restore_id}, traffic {run.traffic}, process {run.pid}, begun {format_moment(run.began)}"
    seen = format_duration(run.measure_silence(now))
    match run.judge(now):
        case Life.RUNNING:
            duration = format_duration(run.measure_duration(now))
            return f"{run.who} runs `pulumi up` for {duration} ({began}; heartbeat {seen} ago)"
        case Life.SILENT:
            return f"the run of {run.who} was killed or cut off ({began}; last heartbeat {seen} ago)"
        case Life.ENDED:
            return f"nobody; the last run, of {run.who}, ended {format_moment(run.ended)} ({began})"


def describe_source(inventory: Inventory) -> str:
    """Says how the source is, or that its region doesn't answer."""
    region = inventory.source_region
    status = inventory.source.status if inventory.source else "not found"
    if region is None:
        return status
    return f"{status} in {region.name}" if region.answers else f"{region.name} doesn't answer"


def _describe_candidate(context: RestoreContext) -> str:
    candidate = context.inventory.candidate
    return f"candidate {candidate.identifier} {candidate.status}" if candidate else "candidate not made yet"


def _list_gates(gates: Iterable[GateState]) -> Iterable[GateLine]:
    for gate in gates:
        if gate.attempt is None:
            yield GateLine(gate.name, "not tried", "", "")
        else:
            ended = str(gate.attempt.get("ended") or "")
            yield GateLine(gate.name, "open" if gate.open else "SHUT", gate.summary, ended)


def find_database(context: RestoreContext) -> str:
    """Returns the applications' database; the login's, or postgres, where their URL can't be read."""
    url = connection_url.read_live_url(context)
    return context.settings.login.database or urls.read_parameters(str(url or "")).get("dbname") or "postgres"


def describe_state(found: Found, inventory: Inventory) -> tuple[str, ...]:
    """Says what Pulumi's state doesn't know of what exists, and what killed runs left pending in it. While one runs,
    what is pending is what it is at, and it brings the rest into its own state."""
    if found.state is None or is_running(found.run, found.now):
        return ()
    candidate = inventory.candidate
    known = {str(item.get("id")) for item in found.state["deployment"].get("resources") or ()}
    unknown: list[str] = []
    if candidate and found.settings.request and candidate.resource_id not in known:
        unknown = [f"Pulumi's state doesn't have {candidate.identifier}: the next `pulumi up` finds and adopts it"]
    return (*unknown, *describe_pending_operations(found.state, inventory))


def describe_pending_operations(state: Mapping[str, object], inventory: Inventory) -> tuple[str, ...]:
    """Returns what killed runs left pending in the state, what exists of it, and that nothing needs to be done."""
    operations = pending.read_pending(state)
    if not operations:
        return ()
    unknown = pending.list_unknown_problems(operations)
    return (
        *pending.describe_harmless(operations),
        *pending.describe_in_aws(operations, inventory),
        *(f"{problem.subject}: {problem.found}; to clear them: {problem.fix}" for problem in unknown),
        "  `pulumi up` goes on over them, whatever the engine warns; `python -m restore close` clears them",
    )
