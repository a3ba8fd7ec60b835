"""What this program made and nobody needs any more: its own snapshots and dumps, never the last of a database. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from restore.model.labels import TAG_EXPIRES, TAG_ID, TAG_STACK
from restore.model.rds import Snapshot
from restore.prevention.stored_dumps import StoredDump
from restore.units import TIME_FORMAT, sized, spoken


@dataclass(frozen=True)
class Expired:
    """What may go, and what stays although it is old, with the reason."""

    snapshots: tuple[Snapshot, ...] = ()
    dumps: tuple[StoredDump, ...] = ()
    kept: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.snapshots or self.dumps)


def find_expired(
    snapshots: Sequence[Snapshot],
    dumps: Sequence[StoredDump],
    stack: str,
    now: datetime,
    *,
    snapshot_days: int,
    dump_days: int,
    open_ids: Collection[str] = (),
) -> Expired:
    """Returns what of this stack is past its time.

    Args:
        snapshots: all of the source, whoever made them.
        dumps: all of the bucket.
        open_ids: restores that are not closed; what belongs to them stays.
    """
    kept: list[str] = []
    old_snapshots = tuple(_old_snapshots(snapshots, stack, now, snapshot_days, open_ids, kept))
    return Expired(old_snapshots, tuple(_old_dumps(dumps, stack, now, dump_days, kept)), tuple(kept))


def is_ours(snapshot: Snapshot, stack: str) -> bool:
    """Tells whether this stack has taken a snapshot. A restored instance's tags go on to snapshots that others take of
    it (CopyTagsToSnapshot), so the stack's tag alone says nothing: a tag that no instance has must be there too, or the
    name of a restore's own snapshot."""
    if snapshot.kind != "manual" or snapshot.tags.get(TAG_STACK) != stack:
        return False
    restore_id = snapshot.tags.get(TAG_ID, "")
    of_restore = tuple(f"-{restore_id}-{purpose}" for purpose in ("safety", "copy")) if restore_id else ()
    return TAG_EXPIRES in snapshot.tags or snapshot.identifier.endswith(of_restore)


def read_expiry(snapshot: Snapshot, days: int) -> datetime | None:
    """Returns when a snapshot of this program is past its time: as its tag says, else so many days after it was taken;
    None where neither is known."""
    text = snapshot.tags.get(TAG_EXPIRES, "")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return snapshot.created + timedelta(days=days) if snapshot.created and not text else None


def _old_snapshots(
    snapshots: Sequence[Snapshot],
    stack: str,
    now: datetime,
    days: int,
    open_ids: Collection[str],
    kept: list[str],
) -> Iterator[Snapshot]:
    usable = [item for item in snapshots if item.status == "available" and item.created]
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
        elif item.tags.get(TAG_ID, "") in open_ids:
            kept.append(f"snapshot {item.identifier}: restore {item.tags[TAG_ID]} isn't closed")
        else:
            yield item


def _old_dumps(
    dumps: Sequence[StoredDump], stack: str, now: datetime, days: int, kept: list[str]
) -> Iterator[StoredDump]:
    """The newest whole dump stays whatever its age; without a whole one, all of them do."""
    newest_whole = max((dump for dump in dumps if dump.is_whole), key=lambda dump: dump.at, default=None)
    for dump in dumps:
        if dump.stack != stack or now - dump.at <= timedelta(days=days):
            continue
        if newest_whole is None:
            kept.append(f"dump {dump.key}: no dump of the bucket is known to be whole")
        elif dump.at >= newest_whole.at:
            kept.append(f"dump {dump.key}: no newer one is known to be whole")
        else:
            yield dump


def render(expired: Expired, now: datetime) -> str:
    """Returns what would be deleted and what stays, for an 80-column terminal."""
    lines = [
        *(
            f"deletes snapshot {item.identifier} ({item.allocated_storage} GiB, {_since(item.created, now)})"
            for item in expired.snapshots
        ),
        *(f"deletes dump {item.key} ({sized(item.size)}, {_since(item.at, now)})" for item in expired.dumps),
        *(f"keeps {reason}" for reason in expired.kept),
    ]
    return "\n".join(lines or ["Nothing that this program made is past its time."])


def _since(at: datetime | None, now: datetime) -> str:
    return f"of {at:{TIME_FORMAT}}, {spoken(now - at)} old" if at else "of an unknown time"
