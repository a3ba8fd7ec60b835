"""What drills have made in AWS: found by its tags, and deleted by its DbiResourceId. Nothing else ever is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from restore.drill.plan import name_stack
from restore.errors import PermanentError, Problem
from restore.model.cluster import ConnectionSecret
from restore.model.identifiers import name_candidate
from restore.model.labels import TAG_CLOSED, TAG_DRILL, TAG_ID, TAG_STACK
from restore.model.rds import Instance, InstanceSettings
from restore.model.rds_status import BROKEN
from restore.model.request import Settings
from restore.polling import wait_for

GONE_SECONDS = 12 * 3600.0
"""RDS deletes only what is at rest, and backs a new instance up first: hours, where it is large."""
UNPROTECTED = InstanceSettings(deletion_protection=False)
DELETING = "deleting"
AT_REST = frozenset({"available", DELETING}) | BROKEN


class RdsCalls(Protocol):
    """What of RDS is needed; restore.aws.Rds has it."""

    def find_instance_by_resource_id(self, resource_id: str) -> Instance | None: ...
    def modify(self, resource_id: str, desired: InstanceSettings) -> object: ...
    def discard(self, resource_id: str) -> None: ...


def find_remains(
    instances: Iterable[Instance], settings: Settings, drill_id: str | None = None
) -> tuple[Instance, ...]:
    """Returns the instances that drills of this stack have made, or the one of this id: by the tag that says so, and by
    name, stack and id, which must fit each other. Pure."""
    return tuple(
        item
        for item in instances
        if is_of_drill(item, settings) and (drill_id is None or item.tags.get(TAG_ID) == drill_id)
    )


def is_of_drill(instance: Instance, settings: Settings) -> bool:
    """Tells whether a drill of this stack made the instance, and may delete it. Pure."""
    tags = instance.tags
    return (
        tags.get(TAG_DRILL) == settings.stack
        and tags.get(TAG_STACK) == name_stack(settings.stack)
        and bool(tags.get(TAG_ID))
        and instance.identifier == name_candidate(settings.source, tags[TAG_ID])
        and instance.identifier != settings.source
        and TAG_CLOSED not in tags
    )


def find_use(instance: Instance, secret: ConnectionSecret | None, listed: Iterable[Instance]) -> Problem | None:
    """Returns why an instance must stay though a drill made it: somebody has come to depend on it. Pure."""
    values = [secret.url or "", *secret.values.values()] if secret else []
    if instance.endpoint and any(instance.endpoint.host in value for value in values):
        found = "the applications' connection secret names it: it serves"
    elif instance.replicas:
        found = f"it has read replicas: {', '.join(instance.replicas)}"
    elif any(instance.identifier in item.replicas for item in listed):
        found = "it is a read replica by now"
    else:
        return None
    needed = "an instance that nobody uses but the drill"
    look = f"aws rds describe-db-instances --db-instance-identifier {instance.identifier}"
    fix = f'docs/drill.md, "A restored instance that stays"; {look}'
    return Problem(f"drill.kept:{instance.identifier}", found, needed, fix)


@dataclass(frozen=True)
class Discarding:
    """The deletion of an instance that a drill has made."""

    rds: RdsCalls
    settings: Settings
    stop: threading.Event
    longest: float = 15.0
    """Seconds between two looks, at most."""

    def discard(self, resource_id: str) -> None:
        """Deletes it for good, and waits until it is gone. Raises RestoreError; PermanentError where no drill of this
        stack made it."""
        instance = self._wait(resource_id, lambda item: item is None or item.status in AT_REST, "to be at rest")
        if instance is None:
            return
        if not is_of_drill(instance, self.settings):
            needed = "an instance that a drill of this stack made"
            fix = "aws rds describe-db-instances --db-instance-identifier " + instance.identifier
            raise PermanentError.of(Problem(f"drill.kept:{instance.identifier}", "its tags changed", needed, fix))
        if instance.status != DELETING:
            if instance.settings.deletion_protection:
                self.rds.modify(resource_id, UNPROTECTED)
            self.rds.discard(resource_id)
        self._wait(resource_id, lambda item: item is None, "to be deleted")

    def _wait(self, resource_id: str, done: Callable[[Instance | None], bool], what: str) -> Instance | None:
        return wait_for(
            lambda: self.rds.find_instance_by_resource_id(resource_id),
            done,
            stop=self.stop,
            deadline=time.monotonic() + GONE_SECONDS,
            subject=f"instance {resource_id} {what}",
            describe=lambda item: f"{item.identifier} is {item.status}" if item else "gone",
            fix="python -m restore drill (the next one goes on with it)",
            first=min(0.5, self.longest),
            longest=self.longest,
        )
