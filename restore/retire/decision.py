"""Whether an instance may be deleted: every reason against it, all at once, and what is about to happen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from restore.aws.metrics import HOUR, Measured
from restore.cutover.connection_url import find_named_endpoint, is_same_endpoint, is_same_host, read_endpoint
from restore.errors import Problem
from restore.model.cluster import ConnectionSecret
from restore.model.labels import TAG_FINAL, TAG_ID, TAG_SOURCE, TAG_STACK
from restore.model.rds import AutomatedBackup, Instance, Snapshot
from restore.model.rds_address import parse_address
from restore.model.request import Settings
from restore.units import TIME_FORMAT
from validation.connect import urls

PAGE = "docs/retire.md"
UNMEASURED_HOURS = 3
"""Hours without a value that prove nothing against an instance: the first and the last are never whole, and CloudWatch
has a value late."""


@dataclass(frozen=True)
class RetireWorld:
    """What is known when an instance is to be deleted."""

    settings: Settings
    now: datetime
    target: Instance
    instances: tuple[Instance, ...]
    """All of the region, the target among them."""
    open_restores: tuple[Instance, ...]
    secret: ConnectionSecret | None
    snapshots: tuple[Snapshot, ...]
    """Of the target."""
    backups: tuple[AutomatedBackup, ...]
    """Of the target."""
    validated: frozenset[str]
    """DbiResourceIds for which gate `validated` has opened, by the evidence."""
    connections: tuple[Measured, ...] | None
    """The most sessions of each hour; None where CloudWatch can't be asked."""
    days: int
    not_asked: str = ""
    """Why nobody needs to know who was connected; empty where somebody does."""

    @property
    def since(self) -> datetime:
        """Since when nobody may have been connected."""
        return self.now - timedelta(days=self.days)


@dataclass(frozen=True)
class Retirement:
    """One deletion, as it is shown before it begins."""

    target: Instance
    restore_id: str
    """The restore in whose evidence it is recorded."""
    final_snapshot: str
    connections: str
    """What is known about who was connected."""
    holders: tuple[str, ...]
    """Who else has its rows."""


def find_problems(world: RetireWorld) -> tuple[Problem, ...]:
    """Returns every reason against deleting the instance now."""
    rules = (_check_known, _check_unused, _open, _check_unconnected, _check_other_holders, _check_deletable)
    return tuple(problem for rule in rules for problem in rule(world))


def make_retirement(world: RetireWorld) -> Retirement:
    """Returns what is about to happen, once nothing stands against it."""
    return Retirement(
        world.target,
        find_restore_id(world),
        choose_final_snapshot(world),
        describe_connections(world),
        list_holders(world),
    )


def choose_final_snapshot(world: RetireWorld) -> str:
    """Returns the name that an earlier run has written into the tag, unless a snapshot has it already; otherwise a new
    one."""
    tagged = world.target.tags.get(TAG_FINAL)
    if tagged and all(snapshot.identifier != tagged for snapshot in world.snapshots):
        return tagged
    return f"{world.target.identifier}-final-{world.now:%Y%m%dt%H%M%Sz}"


def find_restore_id(world: RetireWorld) -> str:
    """Returns the restore that made the target, or the newest one that was made of it; otherwise a name of its own."""
    own = world.target.tags.get(TAG_ID)
    made = [item for item in world.instances if item.tags.get(TAG_SOURCE) == world.target.resource_id]
    newest = max((item for item in made if item.created and TAG_ID in item.tags), key=_read_created, default=None)
    return own or (newest.tags[TAG_ID] if newest else f"retire-{world.target.resource_id.lower()}")


def _read_created(instance: Instance) -> float:
    return instance.created.timestamp() if instance.created else 0.0


def find_line(instances: Iterable[Instance], resource_id: str) -> frozenset[str]:
    """Returns the DbiResourceIds of all that were restored from this instance, or it from them, step by step; of gone
    ones too."""
    pairs = [(item.resource_id, item.tags[TAG_SOURCE]) for item in instances if TAG_SOURCE in item.tags]
    line, grown = frozenset[str](), frozenset({resource_id})
    while line != grown:
        line = grown
        grown = line.union(*(pair for pair in pairs if line.intersection(pair)))
    return line


def find_serving(world: RetireWorld) -> Instance | None:
    """Returns the instance that the applications' URL names; None where it names none of this region."""
    if world.secret is None or not world.secret.url:
        return None
    try:
        endpoint = read_endpoint(urls.parse(world.secret.url))
    except (urls.UrlError, ValueError):
        return None
    alias, address = world.settings.secret.source_host, parse_address(endpoint.host)
    named = world.settings.source if alias and is_same_host(alias, endpoint.host) else ""
    named = named or (address.identifier if address else "")
    same = (item for item in world.instances if item.endpoint and is_same_endpoint(item.endpoint, endpoint))
    return next(same, None) or next((item for item in world.instances if item.identifier == named), None)


def list_holders(world: RetireWorld) -> tuple[str, ...]:
    """Returns what has the target's rows besides it and its final snapshot.

    A copy of the target itself counts when it was taken after the last moment in which somebody may have written. Of
    other databases one that is available counts: the source that the target was made of, and one of the same line that
    was validated.
    """
    snapshots = [
        f"snapshot {item.identifier} of {item.created:{TIME_FORMAT}}"
        for item in world.snapshots
        if item.status == "available" and item.kind != "automated" and item.created and item.created >= world.since
        if item.source_resource_id == world.target.resource_id
    ]
    windows = [
        f"automated backups until {item.latest:{TIME_FORMAT}}, which are kept"
        for item in world.backups
        if item.source_resource_id == world.target.resource_id and item.latest and item.latest >= world.since
    ]
    line = find_line(world.instances, world.target.resource_id)
    made_of = world.target.tags.get(TAG_SOURCE)
    others = [
        f"instance {item.identifier} ({item.resource_id})"
        for item in world.instances
        if item.resource_id != world.target.resource_id and item.resource_id in line and item.status == "available"
        if item.resource_id == made_of or item.resource_id in world.validated
    ]
    return (*snapshots, *windows, *others)


def _format_subject(world: RetireWorld) -> str:
    return f"instance {world.target.identifier} ({world.target.resource_id})"


def _check_known(world: RetireWorld) -> Iterator[Problem]:
    target, living = world.target, {item.resource_id for item in world.instances}
    known = {item.resource_id for item in (_find_source(world), find_serving(world)) if item}
    line = frozenset[str]().union(*(find_line(world.instances, resource_id) for resource_id in known))
    former = re.fullmatch(rf"{re.escape(world.settings.source)}-old\d+", target.identifier)
    # The tag holds the bare name of a stack, which another product may have too: its source then lives elsewhere
    tagged = target.tags.get(TAG_STACK) == world.settings.stack and target.tags.get(TAG_SOURCE) not in living
    if target.resource_id not in line and not former and not tagged:
        found = f"neither made by stack {world.settings.stack}, nor of the line of {world.settings.source}"
        fix = f'{PAGE}, "What is refused": what this program does not know it does not delete'
        yield Problem(_format_subject(world), found, "a candidate or an old source of this stack", fix)


def _find_source(world: RetireWorld) -> Instance | None:
    return next((item for item in world.instances if item.identifier == world.settings.source), None)


def _check_unused(world: RetireWorld) -> Iterator[Problem]:
    target, serving = world.target, find_serving(world)
    secret = world.settings.secret.name
    if serving is None:
        found = f"the applications' URL in secret {secret} names no instance of this region"
        fix = f'{PAGE}, "Who serves": without knowing that, nothing is deleted'
        yield Problem(_format_subject(world), found, "another instance that serves", fix)
    elif serving.resource_id == target.resource_id:
        fix = f'{PAGE}, "Who serves": move the applications to another database first'
        yield Problem(_format_subject(world), "it serves the applications", "an instance that serves nobody", fix)
    elif target.endpoint and _is_named_elsewhere(world, target):
        found = f"another key of secret {secret} names its endpoint"
        fix = f"kubectl --namespace {world.settings.namespace} edit secret {secret}"
        yield Problem(_format_subject(world), found, "an instance that serves nobody", fix)
    if target.identifier == world.settings.source:
        fix = "pulumi config set source <the instance that serves>"
        yield Problem(_format_subject(world), "it is the source of this stack", "an instance that is not", fix)


def _is_named_elsewhere(world: RetireWorld, target: Instance) -> bool:
    values = world.secret.values.values() if world.secret else ()
    return any(target.endpoint and find_named_endpoint(text, (target.endpoint,)) for text in values)


def _open(world: RetireWorld) -> Iterator[Problem]:
    target = world.target.resource_id
    for restore in world.open_restores:
        if target in (restore.resource_id, restore.tags.get(TAG_SOURCE)):
            found = f"part of restore {restore.tags.get(TAG_ID, '?')}, which is open"
            yield Problem(_format_subject(world), found, "a restore that is closed", "python -m restore close")
    if world.settings.request is not None:
        found = f"restore {world.settings.request.id} is configured, so it is not closed"
        yield Problem(_format_subject(world), found, "no restore that is still going on", "python -m restore close")


def _check_unconnected(world: RetireWorld) -> Iterator[Problem]:
    measured = world.connections or ()
    busy = [point for point in measured if point.value > 0]
    needed = f"nobody connected for {world.days} days"
    if busy:
        newest = max(point.at for point in busy)
        found = f"up to {max(point.value for point in busy):g} sessions, last in the hour of {newest:{TIME_FORMAT}}"
        fix = f'{PAGE}, "Who is connected": find out who it is, and wait until nobody was'
        yield Problem(_format_subject(world), found, needed, fix)
    elif not world.not_asked and (missing := _count_unmeasured(world)):
        found = (
            "CloudWatch can't be asked"
            if world.connections is None
            else f"not measured in {missing} hour{'s' if missing > 1 else ''}"
        )
        fix = f'{PAGE}, "Who is connected": where nobody can know, the same command with --not-asked "<reason>"'
        yield Problem(_format_subject(world), f"unknown who was connected: {found}", needed, fix)


def _count_unmeasured(world: RetireWorld) -> int:
    """Hours without a value, of those in which the instance was there; 0 where few enough are missing.

    An instance is measured under its identifier: after a rename the hours before it count as not measured.
    """
    begin = max(world.since, world.target.created or world.since)
    hours = max(int((world.now - begin) / HOUR), 1)
    if world.connections is None:
        return hours
    missing = hours - len({int((point.at - begin) / HOUR) for point in world.connections if point.at >= begin})
    return missing if missing > UNMEASURED_HOURS or not world.connections else 0


def describe_connections(world: RetireWorld) -> str:
    if world.not_asked:
        return f"not known who was connected in the last {world.days} days, and accepted: {world.not_asked}"
    return f"nobody was connected in the last {world.days} days (CloudWatch, DatabaseConnections)"


def _check_other_holders(world: RetireWorld) -> Iterator[Problem]:
    if not list_holders(world):
        name = world.target.identifier
        found = (
            "its rows stand nowhere else: no copy of it that is newer than the last possible write, and no other "
            "available database of its line that was validated"
        )
        fix = f"aws rds create-db-snapshot --db-instance-identifier {name} --db-snapshot-identifier {name}-kept"
        yield Problem(_format_subject(world), found, "another holder of its rows", fix)


def _check_deletable(world: RetireWorld) -> Iterator[Problem]:
    target = world.target
    if target.status != "available":
        fix = f"aws rds describe-db-instances --db-instance-identifier {target.identifier}"
        yield Problem(
            _format_subject(world), f"status {target.status}", "available: a final snapshot is taken of it", fix
        )
    if target.replicas:
        fix = f'{PAGE}, "What is refused": RDS would make each replica an instance of its own'
        yield Problem(_format_subject(world), f"read replicas: {', '.join(target.replicas)}", "no read replica", fix)
    if target.db_cluster:
        fix = f'{PAGE}, "What is refused": delete the cluster instead, by hand'
        yield Problem(_format_subject(world), f"member of cluster {target.db_cluster}", "an instance of its own", fix)


def render(plan: Retirement) -> str:
    """Returns what is about to happen, for an 80-column terminal."""
    target = plan.target
    retention = target.settings.backup_retention_period
    lines = [
        f"Deleting instance {target.identifier}",
        f"  DbiResourceId   {target.resource_id}",
        f"  final snapshot  {plan.final_snapshot} (kept until you delete it)",
        f"  backups         {'kept until their retention ends' if retention else 'none: automated backups are off'}",
        f"  connections     {plan.connections}",
    ]
    if target.settings.deletion_protection:
        lines.append("  protection      deletion protection is lifted, for this instance alone")
    return "\n".join([*lines, "Its rows are also in:", *(f"  {holder}" for holder in plan.holders)])
