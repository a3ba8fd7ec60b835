"""Cutover by name: which instance has production's identifier, which is to have it, and the next call on the way. Pure.

Identifiers move, so instances are known by DbiResourceId. Every state between the first and the last call has a next
step, in both directions: a run that ends anywhere is taken up where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from restore.model import identifiers
from restore.model.context import RestoreContext
from restore.model.labels import TAG_ID, TAG_SOURCE, TAG_STACK
from restore.model.planned import RenamePlan
from restore.model.rds import Instance
from restore.model.rds_status import BROKEN, DEAD_ENDS, LEAVING, describe_way_out
from restore.model.request import Settings, Traffic

AVAILABLE = "available"
RENAMING = "renaming"
NEW_NAME = "DBInstanceIdentifier"
"""The identifier among the pending values of an instance that is being renamed."""


@dataclass(frozen=True)
class Rename:
    """The next call: this instance, by its DbiResourceId, gets this identifier."""

    resource_id: str
    identifier: str


@dataclass(frozen=True)
class Wait:
    """RDS is at work; `text` says with what."""

    text: str


@dataclass(frozen=True)
class Done:
    """The instance that is to have production's identifier has it."""


@dataclass(frozen=True)
class Obstacle:
    """Why the next call isn't made."""

    instance: str
    """Identifier, or DbiResourceId, of the instance that it is about."""
    found: str
    needed: str
    fix: str
    pending: bool = False
    """Somebody else's changes are queued, which our call would apply as well: a person may let that pass."""


Step = Rename | Wait | Done | Obstacle


def find_next_step(plan: RenamePlan, instances: Iterable[Instance], waived: frozenset[str] = frozenset()) -> Step:
    """Returns what brings production's identifier to its wanted holder.

    Args:
        instances: at least the two of the plan, and whoever has one of its identifiers.
        waived: identifiers of the instances whose queued changes may be applied along.
    """
    listed = tuple(instances)
    holder, leaver = _find_by_id(listed, plan.holder), _find_by_id(listed, plan.leaver)
    if holder is None:
        return _build_gone(plan.holder)
    moving = next((instance for instance in (leaver, holder) if instance and _is_moving(instance)), None)
    if moving:
        return Wait(f"{moving.identifier} is being renamed ({moving.status})")
    if holder.identifier == plan.production:
        return Done()
    owner = _find_by_name(listed, plan.production)
    if owner is not None and owner is not leaver:
        return build_taken(plan.production, owner)
    calls = [(holder, plan.production)]
    if owner is not None:
        other = _find_by_name(listed, plan.aside)
        if other is not None:
            return build_taken(plan.aside, other)
        calls.insert(0, (owner, plan.aside))
    # Of both, before the first call: a name that is free and that nobody can take is an outage
    for instance, _ in calls:
        if delay := find_delay(instance, waived):
            return delay
    instance, identifier = calls[0]
    return Rename(instance.resource_id, identifier)


def name_pending_check(identifier: str) -> str:
    """Returns what `waive` calls the changes that are queued for an instance."""
    return f"renamed.pending:{identifier}"


def find_delay(instance: Instance, waived: frozenset[str] = frozenset()) -> Obstacle | Wait | None:
    """Returns why RDS doesn't rename this instance, or what must not be applied along; None where it can be renamed."""
    name = instance.identifier
    if instance.db_cluster:
        needed = "an instance of its own: a member of a Multi-AZ DB cluster has the cluster's endpoint"
        return Obstacle(name, f"a member of cluster {instance.db_cluster}", needed, TO_SECRET)
    if instance.status in BROKEN or instance.status in LEAVING:
        fix = TO_SECRET if instance.status in LEAVING or instance.status in DEAD_ENDS else _repair(instance)
        return Obstacle(name, f"status {instance.status}: RDS doesn't rename it", f"status {AVAILABLE}", fix)
    queued = sorted(instance.pending.keys() - {NEW_NAME})
    if queued and name not in waived:
        return Obstacle(
            name,
            f"changes are queued for its maintenance window: {', '.join(queued)}",
            "none: a rename is applied at once, and applies them too",
            f"aws rds describe-db-instances --db-instance-identifier {name} "
            "--query 'DBInstances[0].PendingModifiedValues' (apply or revert them first)",
            pending=True,
        )
    return None if instance.status == AVAILABLE else Wait(f"{name} is {instance.status}; RDS renames it when available")


TO_SECRET = "pulumi config set cutover secret (where nothing is renamed yet, or to go back); pulumi up"


def _repair(instance: Instance) -> str:
    return f"{describe_way_out(instance.status, instance.identifier)}; or {TO_SECRET}"


def _is_moving(instance: Instance) -> bool:
    return instance.status == RENAMING or NEW_NAME in instance.pending


def _build_gone(resource_id: str) -> Obstacle:
    fix = "pulumi config set traffic source; pulumi up (or restored, for the other database)"
    return Obstacle(resource_id, "no instance has this DbiResourceId", "the instance that is to serve", fix)


def build_taken(name: str, owner: Instance) -> Obstacle:
    """Returns that somebody else's instance has a name that is needed."""
    return Obstacle(
        name,
        f"another instance has this identifier: {owner.resource_id}",
        "a free identifier, or one of this restore's two instances",
        f"aws rds modify-db-instance --db-instance-identifier {name} --new-db-instance-identifier <another> "
        "--apply-immediately (if it may be renamed); pulumi up",
    )


def _find_by_id(instances: Sequence[Instance], resource_id: str | None) -> Instance | None:
    return next((instance for instance in instances if resource_id and instance.resource_id == resource_id), None)


def _find_by_name(instances: Iterable[Instance], identifier: str) -> Instance | None:
    return next((instance for instance in instances if instance.identifier == identifier.lower()), None)


# Of one restore


def rename_plan(context: RestoreContext) -> RenamePlan | None:
    """Returns who is to have production's identifier; None in a run that moves no application, or not by name."""
    match context.request.traffic:
        case Traffic.RESTORED:
            return plan_rename(context, back=False)
        case Traffic.SOURCE if context.manages_any:
            return plan_rename(context, back=True)
        case _:
            return None


def plan_rename(context: RestoreContext, *, back: bool) -> RenamePlan | None:
    """Returns the plan of the switch, or of the way back; None without the instance that is to serve then."""
    pair = (context.source, context.candidate)
    holder, leaver = pair if back else pair[::-1]
    if not context.renames or holder is None:
        return None
    return RenamePlan(
        production=context.settings.source,
        holder=holder.resource_id,
        leaver=leaver.resource_id if leaver else None,
        aside=context.candidate_name if back else context.aside_name,
    )


def find_pair(instances: Iterable[Instance], settings: Settings) -> tuple[Instance | None, Instance | None]:
    """Returns source and candidate of what is asked for, whichever names they have by now.

    The candidate has its own name, or production's once it was renamed; that it is this restore's is known by its
    tags, which name the source by DbiResourceId. Without a rename both are known by their identifiers.
    """
    listed = tuple(instances)
    production = _find_by_name(listed, settings.source)
    if settings.request is None:
        return production, None
    restore_id = settings.request.id
    own = {TAG_ID: restore_id, TAG_STACK: settings.stack}
    renamed = production is not None and own.items() <= production.tags.items()
    candidate = (
        production if renamed else _find_by_name(listed, identifiers.name_candidate(settings.source, restore_id))
    )
    aside = _find_by_name(listed, identifiers.name_aside(settings.source, restore_id))
    pinned = candidate.tags.get(TAG_SOURCE) if candidate else None
    if aside and (aside.resource_id == pinned or (candidate is None and production is None)):
        return aside, candidate
    return (None if renamed else production), candidate


def find_name_holders(instances: Iterable[Instance], settings: Settings) -> tuple[Instance, ...]:
    """Returns the instances that have one of the three identifiers, whosever they are."""
    if settings.request is None:
        return ()
    source, restore_id = settings.source, settings.request.id
    names = {source, identifiers.name_aside(source, restore_id), identifiers.name_candidate(source, restore_id)}
    return tuple(instance for instance in instances if instance.identifier in names)
