"""The decision tree done right: every recovery point of the source, ranked by the data that it loses. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from restore.config.request import OF_METHOD
from restore.model.context import ENGINE
from restore.model.dump import DumpObject
from restore.model.inventory import Inventory
from restore.model.rds import AutomatedBackup, Instance, Snapshot
from restore.model.region import LateDump, RegionPoints
from restore.model.request import LATEST, Method
from restore.recovery_points.point_in_time import (
    UPLOAD_INTERVAL,
    find_last_moment,
    format_window,
    list_pitr_windows,
    list_windows,
)
from restore.recovery_points.snapshots import is_encrypted_elsewhere, list_own_snapshots
from restore.units import TIME_FORMAT, format_duration, format_size

KEYS = {Method.SNAPSHOT: "snapshot", Method.PITR: "time", Method.DUMP: "dump"}
"""The configuration key that names the recovery point of each method."""
EFFORT = {Method.SNAPSHOT: 0, Method.PITR: 1, Method.DUMP: 2}
"""What ranks points that lose the same: no logs to replay, logs to replay, everything to load and index again."""
KINDS = {"awsbackup": "AWS Backup"}
REGION_PAGE = "docs/region.md"


@dataclass(frozen=True)
class Site:
    """What decides whether a point can be restored by this stack, besides the point itself."""

    source: str = ""
    """The source's identifier, for one that is gone."""
    region: str = ""
    source_region: str = ""
    """Where the source is, if that isn't the stack's region."""
    copy_key: str = ""
    """The key with which a snapshot is copied that can't be restored as it is (copy.kmsKeyId)."""


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
    limits: tuple[str, ...] = ()
    """What it can't do, each with its reason."""
    obstacle: str = ""
    """Why this stack can't restore it as things are, and what helps; empty where it can."""
    backup_of: str = ""
    """The other instance whose automated backup it is of (key backupOf)."""
    size: int | None = None
    """GiB of the instance's storage, as far as it is known."""

    @property
    def config(self) -> Mapping[str, str]:
        """The keys that choose it, and their values."""
        more = {"backupOf": self.backup_of} if self.backup_of else {}
        return {"method": str(self.method), KEYS[self.method]: self.value, **more}

    @property
    def unset(self) -> tuple[str, ...]:
        """The keys that go: a preview refuses what an earlier choice left behind, or takes it for part of this one."""
        return tuple(key for key in OF_METHOD if key not in self.config)

    @property
    def commands(self) -> tuple[str, ...]:
        """What chooses it."""
        given = (f"pulumi config set {key} {shlex.quote(value)}" for key, value in self.config.items())
        return (*given, f"pulumi config rm-all {' '.join(self.unset)}")


@dataclass(frozen=True)
class _Look:
    """What every option is made with."""

    inventory: Inventory
    site: Site
    time: datetime | None

    def is_damaged(self, at: datetime) -> bool:
        return self.time is not None and at > self.time

    def measure_loss(self, at: datetime) -> timedelta:
        return self.inventory.now - at


def rank(
    inventory: Inventory, wanted_time: datetime | None, site: Site | None = None, elsewhere: Sequence[RegionPoints] = ()
) -> tuple[Option, ...]:
    """Returns what the source can be restored to, least data lost first.

    `wanted_time` is the last moment known to be good: points after it come after the others, marked; what this stack
    can't restore comes last. Of points that lose the same, the one that takes least comes first (EFFORT).
    """
    known = site or Site()
    name = inventory.source.identifier if inventory.source else known.source
    look = _Look(inventory, known, wanted_time)
    late = inventory.source_region.late_dumps if inventory.source_region else ()
    points = [
        *(
            _build_snapshot_option(look, item, item.created)
            for item in list_own_snapshots(inventory, name)
            if item.created
        ),
        *(_build_own_window_option(look, backup) for backup in list_pitr_windows(inventory, name)),
        *(option for former in inventory.former for option in _list_former_options(look, former.identifier)),
        *(_build_dump_option(look, dump) for dump in inventory.dumps),
        *(_build_late_dump_option(look, dump) for dump in late),
        *(option for region in elsewhere for option in _list_region_options(look, region)),
    ]
    return tuple(
        sorted(
            (option for option in points if option),
            key=lambda option: (bool(option.obstacle), option.damaged, option.lost, EFFORT[option.method]),
        )
    )


def _build_snapshot_option(look: _Look, snapshot: Snapshot, at: datetime) -> Option:
    copied = f", copy of {snapshot.copy_of}" if snapshot.copy_of else ""
    kind = KINDS.get(snapshot.kind, snapshot.kind)
    named = snapshot.kind in ("shared", "public") or _is_elsewhere(look, snapshot.arn)
    return Option(
        Method.SNAPSHOT,
        snapshot.arn if named else snapshot.identifier,
        at,
        look.measure_loss(at),
        f"{kind} snapshot, {snapshot.allocated_storage} GiB{copied}",
        look.is_damaged(at),
        ("only the moment at which it was taken: nothing that was written later",),
        _find_snapshot_obstacle(look, snapshot),
        size=snapshot.allocated_storage or None,
    )


def _is_elsewhere(look: _Look, arn: str) -> bool:
    region = arn.split(":")[3] if arn.count(":") > 3 else ""
    return bool(look.site.region and region and region != look.site.region)


def _find_snapshot_obstacle(look: _Look, snapshot: Snapshot) -> str:
    """Returns why a snapshot can't be restored; one that has to be copied first can, once there is a key for it."""
    if snapshot.engine != ENGINE:
        return f"engine {snapshot.engine}, not {ENGINE}"
    if snapshot.status == "creating":
        done = f", {snapshot.percent} % done" if snapshot.percent is not None else ""
        wait = f"aws rds wait db-snapshot-available --db-snapshot-identifier {snapshot.identifier}"
        return f"status creating{done}: {wait}"
    if snapshot.status != "available":
        return f"status {snapshot.status}: nothing restores it; take another one"
    copied = is_encrypted_elsewhere(snapshot) or (_is_elsewhere(look, snapshot.arn) and snapshot.encrypted)
    if copied and not look.site.copy_key:
        return "it is copied first, with a key of this region: pulumi config set --path copy.kmsKeyId <key>"
    return ""


def _build_own_window_option(look: _Look, backup: AutomatedBackup) -> Option | None:
    living = look.inventory.local_source
    return _build_window_option(look, backup, "" if living else _describe_kept(backup), living)


def _describe_kept(backup: AutomatedBackup) -> str:
    return f", {backup.status} backup of {backup.source_resource_id}"


def _list_former_options(look: _Look, former: str) -> Iterable[Option | None]:
    """Yields the windows of an instance that a Blue/Green switchover has left, where they reach further back."""
    for backup in list_windows(look.inventory, former):
        yield _build_window_option(look, backup, f", of {former} before its Blue/Green switchover", None, former)


def _build_window_option(
    look: _Look, backup: AutomatedBackup, kept: str, living: Instance | None, former: str = ""
) -> Option | None:
    """Returns the second of a window that is wanted, or its last; what the window doesn't cover is an obstacle.

    `living`: the instance whose window still moves on.
    """
    last = find_last_moment(backup, living)
    if backup.earliest is None or last is None:
        return None
    wanted = look.time
    at = last if wanted is None else max(min(wanted, last), backup.earliest).replace(microsecond=0)
    obstacle = ""
    if backup.engine != ENGINE:
        obstacle = f"engine {backup.engine}, not {ENGINE}"
    elif wanted is not None and wanted < backup.earliest:
        obstacle = f"its window begins after {wanted:{TIME_FORMAT}}: older automated backups are gone"
    return Option(
        Method.PITR,
        LATEST if wanted is None else f"{at:{TIME_FORMAT}}",
        at,
        look.measure_loss(at),
        f"point in time{kept}, any second from {format_window(backup, living)}",
        look.is_damaged(at),
        tuple(_list_window_limits(backup, last, living)),
        obstacle,
        former,
        backup.settings.allocated_storage,
    )


def _list_window_limits(backup: AutomatedBackup, last: datetime, living: Instance | None) -> Iterable[str]:
    yield f"no second before {backup.earliest:{TIME_FORMAT}}: automated backups are kept for some days"
    if living:
        lag = format_duration(UPLOAD_INTERVAL)
        yield f"nothing after {last:{TIME_FORMAT}} yet: RDS uploads the log every {lag}"
    else:
        yield f"nothing after {last:{TIME_FORMAT}}: the source uploads no log here any more"


def _build_dump_option(look: _Look, dump: DumpObject) -> Option:
    archived = "" if dump.readable else f", ARCHIVED ({dump.storage_class})"
    stored = f"stored {dump.modified:{TIME_FORMAT}}, {format_size(dump.size)}, {dump.storage_class}"
    return Option(
        Method.DUMP,
        dump.key,
        dump.at,
        look.measure_loss(dump.at),
        f"dump, {stored}{archived}",
        look.is_damaged(dump.modified),
        (
            "nothing that was written after it was begun",
            "no roles' passwords, settings of roles or of the database: a dump of one database has none",
        ),
        ""
        if dump.readable
        else "S3 must bring it back first, for hours: aws s3api restore-object --bucket "
        f"{dump.bucket} --key {shlex.quote(dump.key)} --restore-request Days=7",
    )


def _build_late_dump_option(look: _Look, dump: LateDump) -> Option:
    status = dump.status or "no rule replicates it"
    return Option(
        Method.DUMP,
        dump.key,
        dump.stored,
        look.measure_loss(dump.stored),
        f"dump, stored {dump.stored:{TIME_FORMAT}} in the source's region only",
        look.is_damaged(dump.stored),
        (),
        f"it isn't in this region's bucket (replication: {status}): {REGION_PAGE}",
    )


def _list_region_options(look: _Look, region: RegionPoints) -> Iterable[Option | None]:
    """Yields what another region keeps. A snapshot of the source's region can be copied here; all else is restored by a
    stack of that region."""
    here = look.site.region or "this region"
    there = (
        f"this stack restores in {here}: a stack of {region.name} restores it, with sourceRegion "
        f"{look.site.source_region or here} ({REGION_PAGE})"
    )
    for snapshot in region.snapshots:
        if snapshot.created:
            option = _build_snapshot_option(look, snapshot, snapshot.created)
            obstacle = option.obstacle if region.name == look.site.source_region else there
            yield _place_in_region(option, region.name, obstacle)
    for backup in region.backups:
        if option := _build_window_option(look, backup, _describe_kept(backup), None):
            why = f"RDS restores a point in time only where its backup is; {there}"
            yield _place_in_region(option, region.name, option.obstacle or why)


def _place_in_region(option: Option, region: str, obstacle: str) -> Option:
    return replace(option, description=f"{option.description}, in {region}", obstacle=obstacle)
