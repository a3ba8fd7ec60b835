"""Part of `serving`: what depended on the database that was left follows, and the one that serves is backed up.

It comes last, when the applications serve: a dependent that can't follow is a problem of its own, with its command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from restore.aws import dependents as reads
from restore.aws import follow
from restore.aws.client import Aws
from restore.dependents import following
from restore.dependents.advice import build_command
from restore.dependents.backup_plans import list_plans, name_new_selection
from restore.errors import Problem, RestoreError
from restore.gates.context import GateContext
from restore.gates.hook import Watch
from restore.model.dependents import BACKUP_PLAN, Dependent, DependentKind, Follow
from restore.model.rds import Instance
from restore.model.request import Traffic

K = DependentKind
DEPENDENT = "serving.dependent:"
BACKUP = f"serving.{BACKUP_PLAN}"
FINDERS: dict[DependentKind, Callable[[Aws, Instance], list[Dependent]]] = {
    K.PROXY: reads.find_proxies,
    K.ALARM: reads.find_alarms,
    K.EVENT_SUBSCRIPTION: reads.find_event_subscriptions,
    K.BACKUP_SELECTION: reads.find_selections,
}


def follow_dependents(context: GateContext, watch: Watch, facts: dict[str, Any]) -> list[Problem]:
    """Returns the problems `serving.dependent:<kind>/<name>` and `serving.backup-plan`.

    The facts say what was re-pointed."""
    follows = context.settings.dependents is Follow.FOLLOW
    backed_up = context.plan.traffic is Traffic.RESTORED and context.plan.backup_plans
    if not follows and not backed_up:
        return []
    try:
        serving, former = context.find_serving(), context.find_left()
    except RestoreError as error:
        return [build_unasked_problem("instances", error)]
    if serving is None:
        return []
    followed = (
        follow_all(context, watch, former or build_gone_instance(context, serving), serving, facts) if follows else []
    )
    return [*followed, *(find_backup_problems(context, serving) if backed_up else [])]


def build_gone_instance(context: GateContext, serving: Instance) -> Instance:
    """Returns what the database that was left was called: alarms and subscriptions go on naming one that is gone."""
    name = context.plan.candidate if context.plan.traffic is Traffic.SOURCE else context.settings.source
    arn = f"{serving.arn.rpartition(':')[0]}:{name}"
    return replace(serving, identifier=name, resource_id="gone", arn=arn, endpoint=None, tags={})


def follow_all(
    context: GateContext, watch: Watch, former: Instance, serving: Instance, facts: dict[str, Any]
) -> list[Problem]:
    """Repoints everything; what this restore never found pointing to the source stays as it is."""
    if former.identifier == serving.identifier:
        return []
    try:
        earlier = following.parse_records(
            context.store.read_newest_first(context.plan.stack, context.plan.id, following.STEP)
        )
    except RestoreError as error:
        return [build_unasked_problem("evidence", error)]
    found, problems = ([], []) if context.plan.traffic is Traffic.SOURCE else find_pointing(context, former)
    planned = earlier if context.plan.traffic is Traffic.SOURCE else following.select_to_follow(found, earlier)
    if not planned:
        return problems
    try:
        keep_record(context, former, serving, planned)
    except RestoreError as error:
        return [*problems, build_unasked_problem("evidence", error)]
    moved: list[str] = []
    for dependent in planned:
        watch.say(f"re-points {dependent.key} to {serving.identifier}")
        try:
            if repoint(context, dependent, former, serving):
                moved.append(dependent.key)
        except RestoreError as error:
            problems.append(build_stuck_problem(dependent, former, serving, error))
    facts["repointed"] = moved
    return problems


def find_pointing(context: GateContext, former: Instance) -> tuple[list[Dependent], list[Problem]]:
    """Finds what points to the database that was left, and the kinds that can't be asked."""
    found: list[Dependent] = []
    problems: list[Problem] = []
    for kind, find in FINDERS.items():
        try:
            found += find(context.aws, former)
        except RestoreError as error:
            problems.append(build_unasked_problem(kind, error))
    return found, problems


def keep_record(context: GateContext, former: Instance, serving: Instance, planned: Sequence[Dependent]) -> None:
    """Records what is about to be re-pointed, before the first change: by it the way back knows what to take along."""
    content = {
        "former": former.resource_id,
        "serving": serving.resource_id,
        following.PLANNED: following.build_records(planned),
    }
    context.store.write(context.plan.stack, context.plan.id, following.STEP, content)


def repoint(context: GateContext, dependent: Dependent, former: Instance, serving: Instance) -> bool:
    """Repoints one of them; returns whether there was something to do."""
    aws, name, pair = context.aws, dependent.name, (former.identifier, serving.identifier)
    match dependent.kind:
        case K.PROXY:
            return follow.point_proxy(aws, name, *pair)
        case K.ALARM:
            return follow.point_alarm(aws, name, *pair)
        case K.EVENT_SUBSCRIPTION:
            return follow.point_event_subscription(aws, name, *pair)
        case _:
            plan, _, role = dependent.place.partition(" ")
            selection = name_new_selection(context.plan.id)
            if context.plan.traffic is Traffic.SOURCE:
                return follow.remove_selection(aws, plan, selection, former)
            return follow.add_selection(aws, plan, role, selection, serving)


def find_backup_problems(context: GateContext, serving: Instance) -> list[Problem]:
    """Returns the problem `serving.backup-plan` when the database that serves is in no plan that the source was in."""
    plans = context.plan.backup_plans
    fix = 'docs/dependents.md, "AWS Backup": add it to the plan; pulumi up'
    try:
        known = list_plans(reads.read_selections(context.aws), serving)
    except RestoreError as error:
        found = error.problem.found if error.problem else str(error)
        return [Problem(BACKUP, f"AWS Backup can't be asked: {found}", f"{serving.identifier} in a backup plan", fix)]
    if known.keys() & plans.keys():
        return []
    needed = f"one of the plans that the source was in: {', '.join(plans.values())}"
    return [Problem(BACKUP, f"{serving.identifier} is in none of the source's backup plans", needed, fix)]


def build_stuck_problem(dependent: Dependent, former: Instance, serving: Instance, error: RestoreError) -> Problem:
    found = error.problem.found if error.problem else str(error)
    return Problem(
        f"{DEPENDENT}{dependent.key}",
        f"it could not be re-pointed: {found}",
        f"that it points to {serving.identifier}",
        f"{build_command(dependent, former, serving)}; pulumi up",
    )


def build_unasked_problem(what: str, error: RestoreError) -> Problem:
    """Returns the problem of one kind of dependents that can't be asked; nothing is known of them."""
    found = error.problem.found if error.problem else str(error)
    fix = 'docs/permissions.md, "Dependents"; pulumi up'
    return Problem(f"{DEPENDENT}{what}", f"can't be asked: {found}", "an answer: what points to the source", fix)
