"""Rules of cutover rename: names that fit, are free, and can be moved, found out before anything stops. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from restore.cutover import names, traffic
from restore.cutover.names import Obstacle
from restore.cutover.traffic import ConnectionTarget
from restore.errors import Problem
from restore.model import waivers
from restore.model.context import RestoreContext
from restore.model.identifiers import MAX_INSTANCE, find_instance_fault
from restore.model.planned import RenamePlan
from restore.model.rds import Instance
from restore.model.rds_status import BROKEN, LEAVING
from restore.model.request import Cutover, Traffic


def check_cutover_kept(context: RestoreContext) -> Iterable[Problem]:
    """Refuses another cutover than the one that has moved something: its way back would leave name or URL behind."""
    moved = names_moved(context)
    if context.renames and context.manages_secret:
        found, former = "rename, and this restore has changed the connection secret", Cutover.SECRET
    elif not context.renames and moved and not (context.manages_secret or _is_stuck(context)):
        found, former = f"secret, and this restore has renamed instances ({moved})", Cutover.RENAME
    else:
        return
    yield Problem(
        "config cutover", found, "the same until this restore is closed", f"pulumi config set cutover {former}"
    )


def _is_stuck(context: RestoreContext) -> bool:
    """Tells whether the candidate can't give production's name away: it doesn't hold up the way back by the URL."""
    candidate = context.candidate
    if candidate is None or candidate.identifier != context.settings.source:
        return False
    return context.request.traffic is not Traffic.RESTORED and candidate.status in BROKEN | LEAVING


def names_moved(context: RestoreContext) -> str:
    """Returns which instances have another name than at the beginning; empty where none has."""
    candidate, source = context.candidate, context.source
    moved = [
        f"{instance.resource_id} is {instance.identifier}"
        for instance, name in ((candidate, context.settings.source), (source, context.aside_name))
        if instance and instance.identifier == name
    ]
    return ", ".join(moved) or ("it has served" if context.has_served else "")


def check_aside_fits(context: RestoreContext) -> Iterable[Problem]:
    fault = find_instance_fault(context.aside_name) if context.renames else None
    if fault:
        needed = f"at most {MAX_INSTANCE} characters for <source>-before-<id>, which the source is called meanwhile"
        yield Problem("config id", f"{context.aside_name}: {fault}", needed, "pulumi config set id <a shorter one>")


def check_names_can_move(context: RestoreContext) -> Iterable[Problem]:
    """Refuses what would keep RDS from the renames of this run, or of the switch that a freeze is for."""
    if not context.renames or not (context.manages_any or context.request.traffic is not Traffic.SOURCE):
        return
    for obstacle in find_obstacles(context):
        subject = f"instance {obstacle.instance}"
        problem = Problem(subject, obstacle.found, obstacle.needed, obstacle.fix)
        yield waivers.add_command(problem, names.name_pending_check(obstacle.instance)) if obstacle.pending else problem


def find_obstacles(context: RestoreContext) -> Iterable[Obstacle]:
    """Yields what is in the way of the next calls, but for what ends by itself and what is waived."""
    waived = frozenset(
        instance.identifier
        for instance in (context.source, context.candidate)
        if instance and waivers.is_waived(names.name_pending_check(instance.identifier), context.settings.waive)
    )
    plan = plan_ahead(context)
    if plan:
        step = names.find_next_step(plan, list_instances(context), waived)
        yield from [step] if isinstance(step, Obstacle) else []
        return
    if context.source:  # the candidate is still to be made
        delay = names.find_delay(context.source, waived)
        yield from [delay] if isinstance(delay, Obstacle) else []
        yield from (
            names.build_taken(holder.identifier, holder)
            for holder in context.inventory.name_holders
            if holder.identifier == context.aside_name and holder.resource_id != context.source.resource_id
        )


def plan_ahead(context: RestoreContext) -> RenamePlan | None:
    """Returns the plan of this run; of a freeze, that of the move which it is for; None without a candidate."""
    if context.request.traffic is not Traffic.FROZEN:
        return names.rename_plan(context)
    return names.plan_rename(context, back=traffic.find_pointing(context) is ConnectionTarget.CANDIDATE)


def list_instances(context: RestoreContext) -> list[Instance]:
    listed = [*context.inventory.name_holders, context.source, context.candidate]
    return list({instance.resource_id: instance for instance in listed if instance}.values())


# What the preview says


def list_rename_lines(context: RestoreContext) -> Iterable[str]:
    """Yields what is renamed, and what becomes of those who know the database by more than its name."""
    if not context.renames or not (context.manages_any or context.request.traffic is not Traffic.SOURCE):
        return
    plan = plan_ahead(context)
    source, now = context.settings.source, context.request.traffic is not Traffic.FROZEN
    later = "" if now else " (at the switch; nothing is renamed in a freeze)"
    calls = list_calls(context, plan) if plan else [(source, context.aside_name), (context.candidate_name, source)]
    if not calls:
        yield f"renames: nothing, {source} is the database that is to serve"
        return
    yield f"renames: {', '.join(f'{old} to {new}' for old, new in calls)}{later}"
    yield (
        "note: RDS restarts an instance that it renames, and its endpoint follows after minutes, DNS after that: about "
        f"10 minutes for each of {len(calls)}, in which nobody is served"
    )
    yield (
        f"note: whoever keeps the address that {source} had before (a DNS cache, a JVM, an IP) goes on using the old "
        "instance until it is started again; gate serving names such sessions"
    )


def list_calls(context: RestoreContext, plan: RenamePlan) -> list[tuple[str, str]]:
    """Returns the calls still to be made, as former and new identifier."""
    by_id = {instance.resource_id: instance.identifier for instance in list_instances(context)}
    holder, leaver = by_id.get(plan.holder), by_id.get(plan.leaver or "")
    if holder is None or holder == plan.production:
        return []
    away = [(plan.production, plan.aside)] if leaver == plan.production else []
    return [*away, (holder, plan.production)]
