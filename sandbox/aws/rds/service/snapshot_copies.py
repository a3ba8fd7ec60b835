"""Copies of snapshots that take their time: how far they are is computed when somebody looks; a kill loses none."""

from __future__ import annotations

from datetime import timedelta

from sandbox.aws.rds.data.state import Snapshot
from sandbox.aws.rds.service.region import Rds, now

COPYING = "Copying"
WHOLE = 100


def begin(snapshot: Snapshot, seconds: float, sender: str) -> None:
    """The copy ends after so many seconds; none: at once."""
    if seconds > 0:
        snapshot.shape |= {"Status": "creating", "PercentProgress": 0}
        snapshot.instance[COPYING] = {"began": now(), "seconds": seconds, "from": sender}


def refresh(rds: Rds) -> None:
    """Brings every copy of a region up to now. The store's lock is held."""
    for snapshot in rds.state.snapshots.values():
        copying = snapshot.instance.get(COPYING)
        if copying is None or "held" in copying:
            continue
        done = (now() - copying["began"]).total_seconds() / copying["seconds"]
        snapshot.shape["PercentProgress"] = min(WHOLE, int(done * WHOLE))
        if done >= 1:
            del snapshot.instance[COPYING]
            snapshot.shape |= {"Status": "available", "PercentProgress": WHOLE}
            rds.event("db-snapshot", snapshot.shape["DBSnapshotIdentifier"], "Snapshot copied", "creation")


def hold(rds: Rds, sender: str, *, held: bool) -> None:
    """Copies from a region stand still while that is dark."""
    refresh(rds)
    for snapshot in rds.state.snapshots.values():
        copying = snapshot.instance.get(COPYING)
        if copying is None or copying["from"] != sender:
            continue
        if held:
            copying.setdefault("held", (now() - copying["began"]).total_seconds())
        elif "held" in copying:
            copying["began"] = now() - timedelta(seconds=copying.pop("held"))
