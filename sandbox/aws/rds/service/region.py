"""RDS of one region: its state, its clusters, and the look-ups that all operations share."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sandbox.aws.errors import AwsError
from sandbox.aws.faults import FaultQueue
from sandbox.aws.other_services import OtherServices
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.data import identifiers
from sandbox.aws.rds.data.state import Instance, ParameterGroup, Region, Snapshot, Step, Store
from sandbox.machine.blackhole import BlackHole
from sandbox.machine.layout import Layout
from sandbox.postgres.cluster import Cluster, Place
from sandbox.postgres.host import Host

EVENT_LIFE = timedelta(days=14)


@dataclass
class Pace:
    """The least seconds that each phase of an operation lasts: by the step's name, and of all others."""

    others: float = 0.0
    by_step: dict[str, float] = field(default_factory=dict[str, float])

    def of(self, step: str) -> float:
        return self.by_step.get(step, self.others)

    @property
    def imitates_aws(self) -> bool:
        return bool(self.others or self.by_step)


@dataclass(frozen=True)
class DoneStep:
    """A phase that has ended; times are seconds since the epoch."""

    instance: str
    step: str
    began: float
    ended: float


@dataclass
class Shared:
    """What the regions of one sandbox share."""

    layout: Layout
    host: Host
    store: Store
    faults: FaultQueue
    services: OtherServices
    pace: Pace
    clusters: dict[str, Cluster] = field(default_factory=dict[str, Cluster])
    unreachable: dict[str, BlackHole] = field(default_factory=dict[str, BlackHole])
    stopping: threading.Event = field(default_factory=threading.Event)
    done: list[DoneStep] = field(default_factory=list[DoneStep])
    """Every phase since the start, for who measures."""
    outbox: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "outbox"))


class Scheduler(Protocol):
    """What goes on with an operation after its answer; also the way to the other regions."""

    def region(self, name: str) -> Rds: ...

    def submit(self, rds: Rds, instance: Instance, *steps: Step) -> None:
        """Adds steps to what an instance has to do, and shows the first one's status at once."""
        ...

    def linger(self, kind: str, operation: str, instance: str) -> None:
        """Waits as long as a fault says, or until the faults are cleared."""
        ...


class Rds:
    """One region; operations hold `store.lock` while they run, steps take it for what they change."""

    def __init__(self, shared: Shared, region: str, scheduler: Scheduler) -> None:
        self.shared, self.region, self.scheduler = shared, region, scheduler
        self.store, self.host = shared.store, shared.host

    @property
    def state(self) -> Region:
        return self.store.region(self.region)

    def arn(self, kind: str, name: str) -> str:
        return identifiers.arn(self.region, kind, name)

    def address(self, identifier: str) -> str:
        return self.shared.layout.address("rds", self.region, identifier)

    def own_address(self, resource_id: str) -> str:
        """The address that an instance keeps when it is renamed; its endpoint's follows the name."""
        return self.shared.layout.address("rds-instance", self.region, resource_id)

    # -- finding ------------------------------------------------------------------------------------------------

    def instance(self, identifier: str) -> Instance:
        """Looks up by identifier or ARN. Raises AwsError."""
        instance = self.state.instances.get(identifiers.plain(identifier, "db"))
        if instance is None:
            raise AwsError("DBInstanceNotFound", f"DBInstance {identifier} not found.")
        return instance

    def snapshot(self, identifier: str) -> Snapshot:
        """Looks up by identifier or ARN. Raises AwsError."""
        snapshot = self.state.snapshots.get(identifiers.plain(identifier, "snapshot"))
        if snapshot is None:
            raise AwsError("DBSnapshotNotFound", f"DBSnapshot {identifier} not found.")
        return snapshot

    def parameter_group(self, name: str) -> ParameterGroup:
        """Raises AwsError."""
        group = self.state.parameter_groups.get(identifiers.plain(name, "pg"))
        if group is None:
            raise AwsError("DBParameterGroupNotFound", f"DBParameterGroup {name} not found.")
        return group

    def by_resource(self, resource: str) -> Instance | None:
        return next((i for i in self.state.instances.values() if i.resource_id == resource), None)

    def taken(self, identifier: str) -> bool:
        """Whether an instance has that identifier, or gets it at the end of a rename."""
        return identifier in self.state.instances or any(
            i.shape["PendingModifiedValues"].get("DBInstanceIdentifier") == identifier and i.steps
            for i in self.state.instances.values()
        )

    def cluster(self, instance: Instance) -> Cluster:
        """The cluster of an instance, at the address of its present identifier."""
        cluster = self.shared.clusters.get(instance.resource_id)
        if cluster is None:
            place = Place(self.address(instance.identifier), int(instance.shape["DbInstancePort"]))
            root = self.host.clusters / instance.resource_id.lower()
            cluster = Cluster(self.host, root, place, self.own_address(instance.resource_id))
            self.shared.clusters[instance.resource_id] = cluster
        return cluster

    # -- answering ----------------------------------------------------------------------------------------------

    def event(self, kind: str, source: str, message: str, *categories: str) -> None:
        """Keeps an event for DescribeEvents, and tells the topics that subscribed."""
        with self.store.lock:
            arn_kind = {"db-instance": "db", "db-snapshot": "snapshot", "db-parameter-group": "pg"}[kind]
            event = {
                "SourceIdentifier": source,
                "SourceType": kind,
                "Message": message,
                "EventCategories": list(categories),
                "Date": now(),
                "SourceArn": self.arn(arn_kind, source),
            }
            self.state.events.append(event)
            topics = [s["SnsTopicArn"] for s in self.state.subscriptions.values() if subscribed(s, event)]
        for topic in topics:  # not awaited: callers hold the lock, and SNS may be busy
            self.shared.outbox.submit(self.shared.services.publish, self.region, topic, event)


def subscribed(subscription: Shape, event: Shape) -> bool:
    """Whether an event subscription wants an event: an empty list or no type means all."""
    kind: str | None = subscription.get("SourceType")
    ids: list[str] = subscription.get("SourceIdsList") or []
    categories: set[str] = set(subscription.get("EventCategoriesList") or [])
    return (
        bool(subscription.get("Enabled", True))
        and (not kind or kind == event["SourceType"])
        and (not ids or event["SourceIdentifier"] in ids)
        and (not categories or bool(categories & set(event["EventCategories"])))
    )


def now() -> datetime:
    return datetime.now(UTC)


def snapshot_of(shape: Shape) -> Shape:
    """A copy that later changes don't reach."""
    return copy.deepcopy(shape)
