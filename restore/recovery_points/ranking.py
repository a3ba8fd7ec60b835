"""The decision tree done right: every recovery point of the source, ranked by the data that it loses. Pure."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from restore.config.request import OF_METHOD
from restore.model.dump import DumpObject
from restore.model.inventory import Inventory
from restore.model.rds import AutomatedBackup, Snapshot
from restore.model.request import LATEST, Method
from restore.recovery_points.point_in_time import last_moment, pitr_windows, window_text
from restore.recovery_points.snapshots import usable_snapshots
from restore.units import TIME_FORMAT, sized, spoken

WIDTH = 80
KEYS = {Method.SNAPSHOT: "snapshot", Method.PITR: "time", Method.DUMP: "dump"}
"""The configuration key that names the recovery point of each method."""
EFFORT = {Method.SNAPSHOT: 0, Method.PITR: 1, Method.DUMP: 2}
"""What ranks points that lose the same: no logs to replay, logs to replay, everything to load and index again."""


@dataclass(frozen=True)
class Option:
    """One recovery point. `lost` is the time between its data and the inventory's moment."""

    method: Method
    value: str
    """For the key `snapshot`, `time` or `dump`."""
    at: datetime
    lost: timedelta
    description: str
    damaged: bool = False
    """Its data is of after the wanted time: the damage is in it."""

    @property
    def commands(self) -> tuple[str, ...]:
        """What chooses it. Keys of other methods go, for a preview refuses what an earlier choice left behind."""
        others = (key for key, method in OF_METHOD.items() if method is not self.method)
        return (
            f"pulumi config set method {self.method}",
            f"pulumi config set {KEYS[self.method]} {shlex.quote(self.value)}",
            f"pulumi config rm-all {' '.join(others)}",
        )


def rank(inventory: Inventory, wanted_time: datetime | None, source_name: str = "") -> tuple[Option, ...]:
    """Returns what the source can be restored to, least data lost first.

    `wanted_time` is the last moment known to be good: points after it come last, marked. Of points that lose the
    same, the one that takes least comes first (EFFORT). `source_name` is for a source that is gone.
    """
    name = inventory.source.identifier if inventory.source else source_name
    points = [
        *_snapshots(inventory, name, wanted_time),
        *_points_in_time(inventory, name, wanted_time),
        *(_of_dump(inventory, dump, wanted_time) for dump in inventory.dumps),
    ]
    return tuple(sorted(points, key=lambda option: (option.damaged, option.lost, EFFORT[option.method])))


def _snapshots(inventory: Inventory, name: str, time: datetime | None) -> Iterable[Option]:
    for snapshot in usable_snapshots(inventory, name):
        if snapshot.created:
            damaged = time is not None and snapshot.created > time
            yield _of_snapshot(inventory, snapshot, snapshot.created, damaged=damaged)


def _of_snapshot(inventory: Inventory, snapshot: Snapshot, at: datetime, *, damaged: bool) -> Option:
    description = f"{snapshot.kind} snapshot, {snapshot.allocated_storage} GiB"
    return Option(Method.SNAPSHOT, snapshot.identifier, at, inventory.now - at, description, damaged)


def _points_in_time(inventory: Inventory, name: str, time: datetime | None) -> Iterable[Option]:
    for backup in pitr_windows(inventory, name):
        last = last_moment(backup, inventory.local_source)
        if backup.earliest and last and (time is None or time >= backup.earliest):
            yield _of_backup(inventory, backup, time, last)


def _of_backup(inventory: Inventory, backup: AutomatedBackup, time: datetime | None, last: datetime) -> Option:
    at = last if time is None else min(time, last).replace(microsecond=0)
    kept = "" if inventory.local_source else f", {backup.status} backup of {backup.source_resource_id}"
    description = f"point in time{kept}, any second from {window_text(backup, inventory.local_source)}"
    value = LATEST if time is None else f"{at:{TIME_FORMAT}}"
    return Option(Method.PITR, value, at, inventory.now - at, description)


def _of_dump(inventory: Inventory, dump: DumpObject, time: datetime | None) -> Option:
    archived = "" if dump.readable else f", ARCHIVED ({dump.storage_class}): S3 must bring it back first, for hours"
    stored = f"stored {dump.modified:{TIME_FORMAT}}, {sized(dump.size)}, {dump.storage_class}"
    damaged = time is not None and dump.modified > time
    return Option(Method.DUMP, dump.key, dump.at, inventory.now - dump.at, f"dump, {stored}{archived}", damaged)


def render(options: Sequence[Option], wanted_time: datetime | None = None, width: int = WIDTH) -> str:
    """Returns the ranked options as text; only a command with a long identifier is wider than `width`."""
    if not options:
        return "No recovery point: no usable snapshot, and no automated backup that covers the time."
    of_time = f", of {wanted_time:{TIME_FORMAT}} or before" if wanted_time else ""
    lines = [f"Recovery points, least data lost first{of_time}:"]
    if all(option.damaged for option in options):
        lines += ["", "None is of that moment or before: each of these may hold the damage."]
    for number, option in enumerate(options, 1):
        lines += ["", *_lines(number, option, width)]
    return "\n".join(lines)


def _lines(number: int, option: Option, width: int) -> Iterable[str]:
    warning = "  MAY HOLD THE DAMAGE" if option.damaged else ""
    yield f"{number:2}. data of {option.at:{TIME_FORMAT}}, loses {spoken(option.lost)}{warning}"
    yield from (f"    {line}" for line in textwrap.wrap(option.description, width - 4, break_long_words=False))
    *commands, last = option.commands
    yield from (f"      {command} && \\" for command in commands)
    yield f"      {last}"
