"""A snapshot of the database before a migration: named, tagged with its reason and its expiry, awaited.

A run that was killed has left one that is being taken: the same reason finds it again, and waits on.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from restore.candidate.tags import LONGEST, UNFIT
from restore.errors import PermanentError, Problem
from restore.model.labels import TAG_EXPIRES, TAG_REASON, TAG_STACK
from restore.model.rds import Instance, Snapshot
from restore.model.rds_status import SNAPSHOT_READY
from restore.polling import wait_for
from restore.units import TIME_FORMAT

CREATING, AVAILABLE = "creating", "available"
WAIT_SECONDS = 24 * 3600.0
LONGEST_SLUG = 40


class RdsCalls(Protocol):
    """What of RDS is needed; restore.aws.Rds has it."""

    def find_instance(self, identifier: str) -> Instance | None: ...
    def find_snapshot(self, identifier: str) -> Snapshot | None: ...
    def list_snapshots(self, *, resource_id: str | None = None) -> tuple[Snapshot, ...]: ...
    def create_snapshot(self, instance: str, name: str, tags: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class WantedSnapshot:
    """What is asked for."""

    stack: str
    instance: str
    reason: str
    days: int


def name_snapshot(instance: str, reason: str, now: datetime) -> str:
    """Returns an identifier that RDS accepts (API reference of CreateDBSnapshot, DBSnapshotIdentifier): the instance's,
    the first words of the reason, and the second."""
    slug = re.sub(r"[^a-z0-9]+", "-", reason.lower())[:LONGEST_SLUG].strip("-")
    return "-".join(part for part in (instance, slug, f"{now:%Y%m%d-%H%M%S}") if part)


def is_named_by_us(identifier: str, instance: str) -> bool:
    """Tells whether an identifier has the form that `name_snapshot` gives to a snapshot of this instance."""
    return re.fullmatch(rf"{re.escape(instance)}-(?:[a-z0-9-]+-)?\d{{8}}-\d{{6}}", identifier) is not None


def make_tags(wanted: WantedSnapshot, now: datetime) -> Mapping[str, str]:
    """Returns the tags by which `expire` knows the snapshot again."""
    return {
        TAG_STACK: wanted.stack,
        TAG_REASON: UNFIT.sub("-", wanted.reason)[:LONGEST],
        TAG_EXPIRES: f"{now + timedelta(days=wanted.days):{TIME_FORMAT}}",
    }


def find_unfinished(snapshots: Sequence[Snapshot], tags: Mapping[str, str]) -> Snapshot | None:
    """Returns the snapshot that a killed run of this stack has begun for the same reason, and RDS still takes."""
    return next(
        (
            item
            for item in snapshots
            if item.status == CREATING and all(item.tags.get(tag) == tags[tag] for tag in (TAG_STACK, TAG_REASON))
        ),
        None,
    )


def take_snapshot(rds: RdsCalls, wanted: WantedSnapshot, now: datetime, say: Callable[[str], object]) -> Snapshot:
    """Takes the snapshot and returns it once it can be restored. Raises PermanentError where RDS can't take it,
    TemporaryError when it takes longer than a day."""
    instance = rds.find_instance(wanted.instance)
    if instance is None or instance.status not in SNAPSHOT_READY:
        raise PermanentError.of(_build_unready(wanted.instance, instance.status if instance else "not there"))
    tags = make_tags(wanted, now)
    begun = find_unfinished(rds.list_snapshots(resource_id=instance.resource_id), tags)
    name = begun.identifier if begun else name_snapshot(wanted.instance, wanted.reason, now)
    if begun:
        say(f"snapshot {name} was begun by an earlier run; waiting for its end")
    else:
        rds.create_snapshot(wanted.instance, name, tags)
        say(f"snapshot {name} begun; waiting for its end (Ctrl-C leaves it going; the same command waits again)")
    return _await(rds, name, say)


def _await(rds: RdsCalls, name: str, say: Callable[[str], object]) -> Snapshot:
    told = ""

    def read() -> Snapshot | None:
        nonlocal told
        snapshot = rds.find_snapshot(name)
        text = f"{snapshot.percent or 0} % done" if snapshot else ""
        if text and text != told:
            told = text
            say(f"  {text}")
        return snapshot

    snapshot = wait_for(
        read,
        lambda item: item is not None and item.status != CREATING,
        stop=threading.Event(),
        deadline=time.monotonic() + WAIT_SECONDS,
        subject=f"snapshot {name}",
        describe=lambda item: item.status if item else "not listed yet",
        fix=f"aws rds describe-db-snapshots --db-snapshot-identifier {name}",
        say=say,
    )
    if snapshot is None or snapshot.status != AVAILABLE:
        found = snapshot.status if snapshot else "gone"
        fix = f"aws rds describe-events --source-type db-snapshot --source-identifier {name}"
        raise PermanentError.of(Problem(f"snapshot {name}", found, "available, before the migration begins", fix))
    return snapshot


def _build_unready(name: str, found: str) -> Problem:
    fix = f"aws rds describe-db-instances --db-instance-identifier {name}"
    return Problem(f"instance {name}", found, "a status in which RDS takes a snapshot", fix)
