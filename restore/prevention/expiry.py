"""What this program made and nobody needs any more: its own snapshots and dumps, never the last of a database. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from restore.dumps.catalog import filenames
from restore.model import identifiers
from restore.model.labels import TAG_CLOSED, TAG_EXPIRES, TAG_ID, TAG_STACK
from restore.model.rds import Instance, Snapshot
from restore.prevention.snapshots import is_named_by_us
from restore.prevention.stored_dumps import StoredDump
from restore.units import TIME_FORMAT, format_duration, format_size


@dataclass(frozen=True)
class Expired:
    """What may go, and what stays although it is old, with the reason."""

    snapshots: tuple[Snapshot, ...] = ()
    dumps: tuple[StoredDump, ...] = ()
    kept: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.snapshots or self.dumps)


def list_open_ids(instances: Iterable[Instance], stack: str) -> frozenset[str]:
    """Returns the ids of the restores that carry this stack's tag and are not closed."""
    return frozenset(
        item.tags[TAG_ID]
        for item in instances
        if item.tags.get(TAG_STACK) == stack and TAG_ID in item.tags and TAG_CLOSED not in item.tags
    )


def find_expired(
    snapshots: Sequence[Snapshot],
    dumps: Sequence[StoredDump],
    stack: str,
    now: datetime,
    *,
    snapshot_days: int,
    dump_days: int,
    living: Collection[str],
    open_ids: Collection[str],
) -> Expired:
    """Returns what of this stack is past its time.

    Args:
        snapshots: all of the source, whoever made them.
        dumps: all of the bucket.
        living: DbiResourceIds of the instances that are there. Of one that is gone, RDS's own snapshots go by
            themselves.
        open_ids: restores of this stack that are not closed. All stays then: any of it may be what is being restored,
            or the next to try.
    """
    kept: list[str] = []
    old_snapshots = tuple(_list_old_snapshots(snapshots, stack, now, snapshot_days, living, open_ids, kept))
    old_dumps = tuple(_list_old_dumps(dumps, stack, now, dump_days, open_ids, kept))
    return Expired(old_snapshots, old_dumps, tuple(kept))


def is_ours(snapshot: Snapshot, stack: str) -> bool:
    """Tells whether this stack has taken a snapshot. A restored instance's tags go on to snapshots that others take of
    it (CopyTagsToSnapshot), and an instance restored by hand may have inherited a snapshot's: tags alone say nothing.
    It must have the tag of a snapshot before a migration and such a name, or the very name of a restore's own snapshot
    of this instance."""
    if snapshot.kind != "manual" or snapshot.tags.get(TAG_STACK) != stack:
        return False
    restore_id = snapshot.tags.get(TAG_ID, "")
    names = (identifiers.name_safety_snapshot, identifiers.name_snapshot_copy)
    of_restore = {name(snapshot.source_identifier, restore_id) for name in names} if restore_id else set[str]()
    asked_for = TAG_EXPIRES in snapshot.tags and is_named_by_us(snapshot.identifier, snapshot.source_identifier)
    return asked_for or snapshot.identifier in of_restore


def read_expiry(snapshot: Snapshot, days: int) -> datetime | None:
    """Returns when a snapshot of this program is past its time: as its tag says, else so many days after it was taken;
    None where neither is known."""
    text = snapshot.tags.get(TAG_EXPIRES, "")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return snapshot.created + timedelta(days=days) if snapshot.created and not text else None


def describe_open(open_ids: Collection[str]) -> str:
    """Returns why nothing is deleted."""
    return f"restore {', '.join(sorted(open_ids))} isn't closed"


def _list_old_snapshots(
    snapshots: Sequence[Snapshot],
    stack: str,
    now: datetime,
    days: int,
    living: Collection[str],
    open_ids: Collection[str],
    kept: list[str],
) -> Iterator[Snapshot]:
    usable = [
        item
        for item in snapshots
        if item.status == "available" and item.created
        if item.kind == "manual" or item.source_resource_id in living
    ]
    newest = {
        resource_id: max(
            (item for item in usable if item.source_resource_id == resource_id), key=lambda item: str(item.created)
        ).identifier
        for resource_id in {item.source_resource_id for item in usable}
    }
    for item in snapshots:
        expiry = read_expiry(item, days)
        if not is_ours(item, stack) or expiry is None or expiry > now or item.status != "available":
            continue
        if newest.get(item.source_resource_id) == item.identifier:
            kept.append(f"snapshot {item.identifier}: the newest of its instance ({item.source_resource_id})")
        elif open_ids:
            kept.append(f"snapshot {item.identifier}: {describe_open(open_ids)}")
        else:
            yield item


def _list_old_dumps(
    dumps: Sequence[StoredDump], stack: str, now: datetime, days: int, open_ids: Collection[str], kept: list[str]
) -> Iterator[StoredDump]:
    """The newest whole dump of a database stays whatever its age; without a whole one, all of them do."""
    newest_whole = find_newest_whole(dumps, stack)
    for dump in dumps:
        if dump.stack != stack or now - dump.at <= timedelta(days=days):
            continue
        newest = newest_whole.get(name_series(dump))
        if open_ids:
            kept.append(f"dump {dump.key}: {describe_open(open_ids)}")
        elif newest is None:
            kept.append(f"dump {dump.key}: no dump of its database is known to be whole")
        elif dump.at >= newest:
            kept.append(f"dump {dump.key}: no newer one is known to be whole")
        else:
            yield dump


def name_series(dump: StoredDump) -> str:
    """Returns what the keys of one database's dumps have in common: all but the time. A bucket may hold the dumps of
    several."""
    return filenames.TIME.sub("", dump.key)


def find_newest_whole(dumps: Iterable[StoredDump], stack: str) -> dict[str, datetime]:
    """Returns when the newest whole dump of each database was taken, of those that this stack has made, by series."""
    newest: dict[str, datetime] = {}
    for dump in dumps:
        if dump.stack == stack and dump.is_whole:
            newest[name_series(dump)] = max(dump.at, newest.get(name_series(dump), dump.at))
    return newest


def render(expired: Expired, now: datetime) -> str:
    """Returns what would be deleted and what stays, for an 80-column terminal."""
    lines = [
        *(
            f"deletes snapshot {item.identifier} ({item.allocated_storage} GiB, {_describe_age(item.created, now)})"
            for item in expired.snapshots
        ),
        *(
            f"deletes dump {item.key} ({format_size(item.size)}, {_describe_age(item.at, now)})"
            for item in expired.dumps
        ),
        *(f"keeps {reason}" for reason in expired.kept),
    ]
    return "\n".join(lines or ["Nothing that this program made is past its time."])


def _describe_age(at: datetime | None, now: datetime) -> str:
    return f"of {at:{TIME_FORMAT}}, {format_duration(now - at)} old" if at else "of an unknown time"
