"""Points in time: which automated backup covers one, and how far each reaches. Pure.

Source: RDS User Guide, "Restoring a DB instance to a specified time"; API reference of RestoreDBInstanceToPointInTime.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from restore.errors import Problem
from restore.model.context import ENGINE, RestoreContext
from restore.model.inventory import Inventory
from restore.model.planned import RecoveryPoint
from restore.model.rds import AutomatedBackup, Instance
from restore.model.request import Method
from restore.model.restore_source import Resolution, RestoreSource
from restore.recovery_points.snapshots import describe, list_usable_snapshots
from restore.units import TIME_FORMAT

UPLOAD_INTERVAL = timedelta(minutes=5)
"""RDS uploads transaction logs this often: the latest restorable time lags by as much."""
KEPT_STATUSES = ("retained", "replicating")
_NEVER = datetime.min.replace(tzinfo=UTC)


def list_pitr_windows(inventory: Inventory, source_name: str) -> tuple[AutomatedBackup, ...]:
    """Returns the automated backups that PITR of the source can use, the one that reaches furthest first.

    A living source has one; when it is gone, those that were retained or replicated under its name. Of a source in
    another region only what was replicated from there can be used here.
    """
    source = inventory.local_source
    usable = [
        backup
        for backup in inventory.backups
        if (
            backup.source_resource_id == source.resource_id and backup.status not in KEPT_STATUSES
            if source
            else _is_kept(inventory, backup, source_name)
        )
    ]
    return tuple(sorted(usable, key=lambda backup: find_last_moment(backup, source) or _NEVER, reverse=True))


def _is_kept(inventory: Inventory, backup: AutomatedBackup, source_name: str) -> bool:
    """Tells whether a backup outlives its instance or that instance's region. One that answers is known by its id."""
    elsewhere = inventory.source if inventory.source_region else None
    if elsewhere and backup.source_resource_id != elsewhere.resource_id:
        return False
    return backup.source_identifier == source_name and (backup.status in KEPT_STATUSES or backup.is_replica)


def list_windows(inventory: Inventory, name: str) -> tuple[AutomatedBackup, ...]:
    """Returns the automated backups of another instance, the one that reaches furthest first."""
    named = [backup for backup in inventory.backups if backup.source_identifier == name]
    return tuple(sorted(named, key=lambda backup: backup.latest or _NEVER, reverse=True))


def find_last_moment(backup: AutomatedBackup, source: Instance | None) -> datetime | None:
    """Returns the end of the window: the backup's or the instance's word, whichever is later."""
    moments = [moment for moment in (backup.latest, source.latest_restorable if source else None) if moment]
    return max(moments, default=None)


def covers(backup: AutomatedBackup, source: Instance | None, time: datetime) -> bool:
    """Tells whether a moment is within the window, both ends included."""
    last = find_last_moment(backup, source)
    return bool(backup.earliest and last and backup.earliest <= time <= last)


def find_first_second(backup: AutomatedBackup) -> datetime:
    """Returns the first whole second of the window: RDS restores to seconds, the window's ends have fractions."""
    earliest = backup.earliest or _NEVER
    whole = earliest.replace(microsecond=0)
    return whole if whole == earliest else whole + timedelta(seconds=1)


def format_window(backup: AutomatedBackup, source: Instance | None) -> str:
    return f"{find_first_second(backup):{TIME_FORMAT}} to {find_last_moment(backup, source):{TIME_FORMAT}}"


def resolve_time(context: RestoreContext) -> Resolution:
    """Returns the automated backup that covers the wanted time, or reaches furthest for `latest`."""
    time = context.request.time
    source = None if context.request.backup_of else context.local_source
    if context.request.backup_of:
        backups = list_windows(context.inventory, context.request.backup_of)
    else:
        backups = list_pitr_windows(context.inventory, context.settings.source)
    open_backups = [b for b in backups if b.earliest and find_last_moment(b, source) and b.engine == ENGINE]
    if not open_backups:
        return Resolution(None, (_build_no_window(context, backups),))
    if not isinstance(time, datetime):
        return Resolution(_build_source(context, open_backups[0], None))
    covering = next((backup for backup in open_backups if covers(backup, source, time)), None)
    if covering:
        return Resolution(_build_source(context, covering, time))
    return Resolution(None, (_build_outside(context, open_backups, time),))


def _build_source(context: RestoreContext, backup: AutomatedBackup, time: datetime | None) -> RestoreSource:
    living = None if context.request.backup_of else context.local_source
    storage = (living.settings.allocated_storage if living else None) or backup.settings.allocated_storage or 0
    return RestoreSource(
        point=RecoveryPoint(
            method=Method.PITR,
            time=time,
            latest=time is None,
            source_resource_id=backup.source_resource_id,
            # A backup retained in this region goes by its instance's resource id, as a living instance does.
            automated_backup_arn=backup.arn if backup.is_replica else None,
            tag=context.request.recovery_point,
            at=time,
        ),
        engine_version=backup.engine_version or None,
        storage=storage,
        encrypted=backup.storage_encrypted,
        kms_key_id=backup.kms_key_id,
        settings=backup.settings,
        tags=backup.tags,
    )


def _build_no_window(context: RestoreContext, backups: Sequence[AutomatedBackup]) -> Problem:
    subject = f"recovery point {context.request.recovery_point}"
    fix = "python -m restore options, then perhaps: pulumi config set method snapshot"
    if backups:
        found = f"automated backups are {backups[0].status}, with no restorable time yet"
        return Problem(subject, found, "a first automated backup that has ended", fix)
    if context.local_source and not context.request.backup_of:
        return Problem(subject, "no automated backups (retention 0, or they were deleted)", "automated backups", fix)
    if context.request.backup_of:
        found = f"no automated backup of {context.request.backup_of} here"
        return Problem("config backupOf", found, "an instance with automated backups", "pulumi config rm backupOf")
    if context.source_region:
        found = f"no automated backup of {context.settings.source} is replicated here from {context.source_region.name}"
        return Problem(subject, found, "a replicated automated backup, a copied snapshot or a dump", fix)
    found = f"{context.settings.source} doesn't exist, and no automated backup of it was retained or replicated here"
    return Problem(subject, found, "an instance, or a retained automated backup", fix)


def _build_outside(context: RestoreContext, backups: Sequence[AutomatedBackup], time: datetime) -> Problem:
    newest = backups[0]
    source = None if context.request.backup_of else context.local_source
    last = find_last_moment(newest, source) or _NEVER
    needed = "within " + ", or ".join(format_window(backup, source) for backup in backups)
    if time > context.inventory.now:
        found, fix = f"in the future (now {context.inventory.now:{TIME_FORMAT}})", f"set time {last:{TIME_FORMAT}}"
    elif time > last:
        found = "later than the latest restorable time; RDS uploads its logs every 5 minutes"
        fix = f"set time {last:{TIME_FORMAT}}, or latest, or try again after {time + UPLOAD_INTERVAL:{TIME_FORMAT}}"
    else:
        found, fix = _describe_before(context, time, newest)
    return Problem(f"time {time:{TIME_FORMAT}}", found, needed, f"pulumi config {fix}")


def _describe_before(context: RestoreContext, time: datetime, backup: AutomatedBackup) -> tuple[str, str]:
    if former := next(
        (instance for instance in context.inventory.former if _has(context.inventory, instance, time)), None
    ):
        found = f"before the earliest restorable time; {former.identifier}, which a Blue/Green switchover left, has it"
        return found, f"set backupOf {former.identifier}"
    usable = list_usable_snapshots(context.inventory, context.settings.source)
    older = next((s for s in usable if s.created and s.created <= time), None)
    if not older:
        return "before the earliest restorable time", f"set time {find_first_second(backup):{TIME_FORMAT}}"
    return (
        f"before the earliest restorable time; the newest snapshot before it is {describe(older)}",
        f"set method snapshot; pulumi config rm time; pulumi config set snapshot {older.identifier}",
    )


def _has(inventory: Inventory, former: Instance, time: datetime) -> bool:
    return any(covers(backup, None, time) for backup in list_windows(inventory, former.identifier))
