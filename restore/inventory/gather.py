"""Reads the world before anything is declared: AWS and the cluster, side by side."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from restore.aws import Aws, Rds, Secrets, read_caller
from restore.cutover.names import find_name_holders, find_pair
from restore.errors import PermanentError, Problem, Refused, RestoreError
from restore.inventory.capacity import read_capacity
from restore.inventory.dependents import ask_dependents
from restore.inventory.dump_lookup import choose_dump
from restore.inventory.images import ask_images
from restore.inventory.network import ask_network
from restore.inventory.source_login import ask_source
from restore.inventory.source_region import SourceLook, read_places, read_snapshot, read_source_region
from restore.kubernetes import Api, Namespace, read_node_room
from restore.kubernetes.other_writers import list_pod_writers
from restore.model.cluster import Cluster
from restore.model.context import RestoreContext
from restore.model.dependents import Dependents
from restore.model.identifiers import name_candidate, name_safety_snapshot, name_snapshot_copy, read_region
from restore.model.inventory import Inventory
from restore.model.labels import TAG_CLOSED, TAG_ID, TAG_SOURCE, TAG_STACK
from restore.model.rds import AutomatedBackup, Instance, Snapshot
from restore.model.request import LATEST, Method, Request, Settings, Traffic
from restore.preflight.public_names import list_found_names, list_public_names
from restore.redaction import declare_public

Value = TypeVar("Value")

THREADS = 10


@dataclass(frozen=True)
class Backups:
    """What a source can be restored from, as found under one of its names."""

    windows: tuple[AutomatedBackup, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()

    def __add__(self, other: Backups) -> Backups:
        windows = {(item.arn, item.source_resource_id, item.status): item for item in self.windows + other.windows}
        snapshots = {item.arn: item for item in self.snapshots + other.snapshots}
        return Backups(tuple(windows.values()), tuple(sorted(snapshots.values(), key=_rank_age)))


def _rank_age(item: Snapshot) -> tuple[bool, datetime | None, str]:
    return item.created is None, item.created, item.identifier


class Reads:
    """Reads that run side by side, and the problems of those that failed."""

    def __init__(self, pool: ThreadPoolExecutor):
        self._pool = pool
        self._started: list[tuple[str, Future[object]]] = []

    def start(self, subject: str, read: Callable[[], Value]) -> Future[Value]:
        """Begins a read; whether it failed is told by `finish`. `subject`: of its problem where the error has none."""
        future = self._pool.submit(read)
        self._started.append((subject, future))  # pyright: ignore[reportArgumentType]
        return future

    def finish(self) -> None:
        """Waits for all; raises Refused with the problem of each that failed, said once."""
        errors = [(subject, future.exception()) for subject, future in self._started]
        unexpected = next((error for _, error in errors if error and not isinstance(error, RestoreError)), None)
        if unexpected:
            raise unexpected
        problems = [build_problem(subject, error) for subject, error in errors if isinstance(error, RestoreError)]
        if problems:
            raise Refused(tuple(dict.fromkeys(problems)))


def build_problem(subject: str, error: RestoreError) -> Problem:
    """Returns an adapter's error as one line of a refusal."""
    if error.problem:
        return error.problem
    if isinstance(error, PermanentError):
        return Problem(
            subject,
            str(error),
            "a read that succeeds",
            "docs/troubleshooting.md: fix what the message says, then the same command again",
        )
    return Problem(subject, str(error), "an answer", "check network and VPN, then: pulumi preview")


def gather(settings: Settings, now: datetime, *, room: bool = True) -> Inventory:
    """Returns everything preflight's rules need. Raises Refused with the problems of all parts that couldn't be read.

    Without a request only what may still be open is read: the instances and the cluster. Names are declared public.
    `room`: whether an instance may be made of it, so that the operator's login and AWS's room for it count too.
    """
    declare_public(list_public_names(settings))
    inventory = _read(settings, now, room)
    declare_public(list_found_names(inventory))
    return inventory


def _read(settings: Settings, now: datetime, room: bool) -> Inventory:
    aws = Aws.of(settings)
    rds = Rds(aws, settings.tunnel)
    api = Api(settings.kubeconfig, settings.context)
    namespace = Namespace(api, settings.namespace)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="inventory") as pool:
        reads = Reads(pool)
        cluster = reads.start("cluster", lambda: _start_cluster(namespace, settings))
        instances = reads.start("instances", rds.list_instances)
        if settings.request is None:
            reads.finish()
            return _build_empty(settings, now, instances.result(), cluster.result())
        asked = room and settings.request.traffic is not Traffic.SOURCE
        nodes = pool.submit(read_node_room, api) if asked else None
        started = _Started(aws, rds, reads, instances, cluster, room)
        inventory = _restore(settings, settings.request, now, started, _start_look(settings, reads))
        if not room:
            return inventory
        context = RestoreContext(settings, settings.request, inventory)
        source = inventory.local_source
        read_network = ask_network(aws, api, context, pool)
        silence = pool.submit(ask_source, aws, context)
        read_images = ask_images(context, pool)
        read_dependents = ask_dependents(settings, aws, source, pool) if source else Dependents
        capacity = read_capacity(aws, context, pool)
        surroundings = read_network()
        node_room = nodes.result() if nodes else None
        cluster = inventory.cluster
        loose = list_pod_writers(surroundings.pods, settings.namespace, settings.secret.name)
        return replace(
            inventory,
            cluster=replace(cluster, writers=(*cluster.writers, *loose)),
            capacity=capacity,
            network=surroundings.network,
            pods=surroundings.pods,
            images=read_images(),
            nodes=node_room,
            dependents=read_dependents(),
            source_silence=silence.result(),
        )


def _start_look(settings: Settings, reads: Reads) -> Future[SourceLook] | None:
    """Looks at the region of a source that isn't the stack's; it never fails for its silence."""
    name = settings.source_region
    return reads.start("the source's region", lambda: read_source_region(settings, name)) if name else None


def _start_cluster(namespace: Namespace, settings: Settings) -> Cluster:
    return namespace.read_cluster([app.name for app in settings.apps], settings.secret)


@dataclass(frozen=True)
class _Started:
    aws: Aws
    rds: Rds
    reads: Reads
    instances: Future[tuple[Instance, ...]]
    cluster: Future[Cluster]
    room: bool


def _restore(
    settings: Settings, request: Request, now: datetime, started: _Started, looking: Future[SourceLook] | None
) -> Inventory:
    rds, reads = started.rds, started.reads
    by_name = [
        reads.start(
            "automated backups", lambda: Backups(windows=rds.list_automated_backups(identifier=settings.source))
        ),
        reads.start("snapshots", lambda: Backups(snapshots=rds.list_snapshots(identifier=settings.source))),
    ]
    named = request.snapshot if request.snapshot != LATEST else None
    named_read = reads.start("the named snapshot", lambda: _find_named_snapshot(settings, rds, named))
    copy = reads.start("the copied snapshot", lambda: _copy(settings, request, rds))
    safety = reads.start(
        "the safety snapshot", lambda: rds.find_snapshot(name_safety_snapshot(settings.source, request.id))
    )
    versions = reads.start("engine versions", rds.list_orderable_versions)
    listed = () if started.instances.exception() else started.instances.result()
    source, restored = find_pair(listed, settings)
    look = looking.result() if looking else None
    source = look.instance if look else source
    places = reads.start("this region's groups", lambda: read_places(settings, look) if look and not restored else None)
    if source:
        by_name += _start_by_resource_id(started, source.resource_id)
    former = tuple(item for item in listed if is_former(item.identifier, settings.source))
    by_name += [
        _start_backups(started, name) for name in {request.backup_of, *(item.identifier for item in former)} if name
    ]
    dump_needed = request.method is Method.DUMP and restored is None
    identity = reads.start("the AWS account", lambda: read_caller(started.aws))
    dump = reads.start("the dump", lambda: choose_dump(settings, request, started.aws) if dump_needed else None)
    if started.room and restored is None:
        reads.start("the operator's login", lambda: Secrets(started.aws).check(settings.login))
    reads.finish()
    every_backup = sum((future.result() for future in by_name), Backups(snapshots=_require_some(named_read.result())))
    instances = started.instances.result()
    return Inventory(
        now=now,
        source=source,
        backups=every_backup.windows,
        snapshots=every_backup.snapshots,
        candidate=restored,
        name_holders=find_name_holders(instances, settings),
        open_restores=open_restores(instances, settings, source),
        cluster=started.cluster.result(),
        safety_snapshot=safety.result(),
        orderable_versions=versions.result(),
        dump=dump.result(),
        former=former,
        caller=identity.result(),
        replicas=tuple(item for item in instances if source and item.identifier in source.replicas),
        source_region=look.region if look else None,
        places=places.result(),
        copy=copy.result(),
    )


def _find_named_snapshot(settings: Settings, rds: Rds, named: str | None) -> Snapshot | None:
    """Returns the snapshot that is named; one of the source's region is asked for there."""
    if named and settings.source_region and read_region(named) == settings.source_region:
        return read_snapshot(settings, named)
    return rds.find_snapshot(named) if named else None


def _copy(settings: Settings, request: Request, rds: Rds) -> Snapshot | None:
    wanted = request.method is Method.SNAPSHOT
    return rds.find_snapshot(name_snapshot_copy(settings.source, request.id)) if wanted else None


def _start_by_resource_id(started: _Started, resource_id: str) -> list[Future[Backups]]:
    """Backups made while the source had another identifier are found by its DbiResourceId only."""
    rds = started.rds
    return [
        started.reads.start(
            "automated backups", lambda: Backups(windows=rds.list_automated_backups(resource_id=resource_id))
        ),
        started.reads.start("snapshots", lambda: Backups(snapshots=rds.list_snapshots(resource_id=resource_id))),
    ]


def is_former(identifier: str, source: str) -> bool:
    """Tells whether a Blue/Green switchover gave this name to what the source was (User Guide, "Switching a blue/green
    deployment": <name>-old1, -old2, ...)."""
    return bool(re.fullmatch(rf"{re.escape(source)}-old\d+", identifier))


def _start_backups(started: _Started, identifier: str) -> Future[Backups]:
    rds = started.rds
    return started.reads.start(
        "automated backups", lambda: Backups(windows=rds.list_automated_backups(identifier=identifier))
    )


def _build_empty(settings: Settings, now: datetime, instances: tuple[Instance, ...], cluster: Cluster) -> Inventory:
    source = _find_named(instances, settings.source)
    return Inventory(
        now=now,
        source=source,
        backups=(),
        snapshots=(),
        candidate=None,
        open_restores=open_restores(instances, settings, source),
        cluster=cluster,
    )


def _find_named(instances: Iterable[Instance], identifier: str) -> Instance | None:
    return next((item for item in instances if item.identifier == identifier.lower()), None)


def open_restores(instances: Iterable[Instance], settings: Settings, source: Instance | None) -> tuple[Instance, ...]:
    """Candidates of this stack that aren't closed. Pure.

    The tag holds the bare name of the stack, which another product of the same account may use for its own. A candidate
    is another product's when its source lives and is not the one that this stack names: unless id or name say that it
    is this stack's all the same (its `source` was changed, or its source has another
    name by now, as after cutover rename).
    """
    listed = tuple(instances)
    foreign = {item.resource_id for item in listed} - {source.resource_id if source else None}
    return tuple(
        item
        for item in listed
        if item.tags.get(TAG_STACK) == settings.stack
        if TAG_CLOSED not in item.tags
        if item.tags.get(TAG_SOURCE) not in foreign or _is_by_name(item, settings)
    )


def _is_by_name(item: Instance, settings: Settings) -> bool:
    restore_id = item.tags.get(TAG_ID, "")
    requested = settings.request is not None and settings.request.id == restore_id
    return requested or item.identifier in (name_candidate(settings.source, restore_id), settings.source)


def _require_some(item: Snapshot | None) -> tuple[Snapshot, ...]:
    return (item,) if item else ()
