"""DB snapshots: which of them belong to the source, which can be restored, and which is meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from restore.errors import Problem
from restore.model.context import ENGINE, RestoreContext
from restore.model.identifiers import read_region
from restore.model.inventory import Inventory
from restore.model.labels import TAG_POINT
from restore.model.planned import RecoveryPoint
from restore.model.rds import InstanceSettings, Snapshot
from restore.model.request import LATEST, Method
from restore.model.restore_source import Resolution, RestoreSource
from restore.units import TIME_FORMAT
from validation.keyed.reader import find_nearest

COPY_FIRST = ("shared", "public")
"""Kinds of snapshots that can't be restored here when they are encrypted: they are copied first."""


def find_snapshot(inventory: Inventory, name: str) -> Snapshot | None:
    """Returns a snapshot by identifier or ARN."""
    lowered = name.lower()
    return next(
        (
            snapshot
            for snapshot in inventory.snapshots
            if lowered in (snapshot.identifier.lower(), snapshot.arn.lower())
        ),
        None,
    )


def list_own_snapshots(inventory: Inventory, source_name: str) -> tuple[Snapshot, ...]:
    """Returns the source's snapshots, newest first. A living source is known by its resource id: names can move."""
    source = inventory.source
    own = [
        snapshot
        for snapshot in inventory.snapshots
        if (snapshot.source_resource_id == source.resource_id if source else snapshot.source_identifier == source_name)
    ]
    return tuple(sorted(own, key=lambda snapshot: snapshot.created or datetime.min.replace(tzinfo=UTC), reverse=True))


def list_usable_snapshots(inventory: Inventory, source_name: str) -> tuple[Snapshot, ...]:
    """Returns the source's snapshots that can be restored as they are, newest first."""
    own = list_own_snapshots(inventory, source_name)
    return tuple(s for s in own if s.status == "available" and s.engine == ENGINE and not is_encrypted_elsewhere(s))


def is_encrypted_elsewhere(snapshot: Snapshot) -> bool:
    """Tells whether a snapshot is encrypted with a key of another account, which RDS restores from a copy only (RDS
    User Guide, "Sharing encrypted snapshots")."""
    return snapshot.encrypted and snapshot.kind in COPY_FIRST


def must_be_copied(context: RestoreContext, snapshot: Snapshot) -> bool:
    """Tells whether a snapshot is restored from a copy: of another account and encrypted, or of another region."""
    elsewhere = read_region(snapshot.arn) not in ("", context.settings.region)
    return elsewhere or is_encrypted_elsewhere(snapshot)


def describe(snapshot: Snapshot) -> str:
    created = f"{snapshot.created:{TIME_FORMAT}}" if snapshot.created else "no time yet"
    return f"{snapshot.identifier} ({snapshot.kind}, {created})"


def resolve_snapshot(context: RestoreContext) -> Resolution:
    """Returns the named snapshot, or the newest of the source but for this restore's own."""
    name = context.request.snapshot or LATEST
    if name != LATEST:
        named = find_snapshot(context.inventory, name)
        if context.copy:
            return _resolve_present_copy(context.copy, name)
        problems = tuple(_find_snapshot_problems(context, named)) if named else (_build_unknown(context, name),)
        if problems or not named:
            return Resolution(None, problems)
        return Resolution(
            _build_source_of_copy(context, named) if must_be_copied(context, named) else _build_source(named)
        )
    own = (context.safety_name, context.copy_name)
    others = (s for s in list_usable_snapshots(context.inventory, context.settings.source) if s.identifier not in own)
    newest = next(others, None)
    return Resolution(_build_source(newest)) if newest else Resolution(None, (_build_no_snapshot(context),))


def _build_source(snapshot: Snapshot) -> RestoreSource:
    name = snapshot.arn if snapshot.kind in COPY_FIRST else snapshot.identifier
    return RestoreSource(
        point=RecoveryPoint(
            method=Method.SNAPSHOT,
            snapshot=name,
            source_resource_id=snapshot.source_resource_id,
            tag=f"{Method.SNAPSHOT}:{name}",
            at=snapshot.created,
        ),
        engine_version=snapshot.engine_version or None,
        storage=snapshot.allocated_storage,
        encrypted=snapshot.encrypted,
        kms_key_id=snapshot.kms_key_id,
        settings=InstanceSettings(storage_type=snapshot.storage_type, iops=snapshot.iops),
        iops=snapshot.iops,
        storage_type=snapshot.storage_type,
        tags={key: value for key, value in snapshot.tags.items() if not key.startswith("restore:")},
    )


def _build_source_of_copy(context: RestoreContext, original: Snapshot) -> RestoreSource:
    """What will be restored from a copy that is still to be made."""
    made = _build_source(original)
    name = f"{Method.SNAPSHOT}:{original.arn}"
    key = context.settings.copy.kms_key_id
    point = replace(made.point, snapshot=context.copy_name, copy_of=original.arn, tag=name)
    return replace(made, point=point, encrypted=original.encrypted or key is not None, kms_key_id=key)


def _resolve_present_copy(copy: Snapshot, name: str) -> Resolution:
    """The copy that this restore has made: its original need not answer any more."""
    made_of = copy.tags.get(TAG_POINT, "").partition(":")[2]
    if made_of.lower() != name.lower():
        needed = f"{made_of}: one id has one recovery point"
        fix = f"pulumi config set snapshot {made_of}; or: pulumi config set id <another one>"
        return Resolution(None, (Problem(f"snapshot {copy.identifier}", f"not a copy of {name}", needed, fix),))
    if problems := tuple(_find_unready(copy)):
        return Resolution(None, problems)
    made = _build_source(copy)
    return Resolution(replace(made, point=replace(made.point, copy_of=name, tag=f"{Method.SNAPSHOT}:{name}")))


def _format_snapshots(snapshots: Iterable[Snapshot]) -> str:
    return ", ".join(describe(snapshot) for snapshot in snapshots)


def _build_unknown(context: RestoreContext, name: str) -> Problem:
    usable = list_usable_snapshots(context.inventory, context.settings.source)
    named = {snapshot.identifier: snapshot for snapshot in usable}
    near = [named[match] for match in find_nearest(name, named)] or list(usable[:3])
    needed = (
        f"one of the source's, such as {_format_snapshots(near)}" if near else "a snapshot in this region and account"
    )
    fix = f"pulumi config set snapshot {near[0].identifier}" if near else "python -m restore options"
    return Problem(f"snapshot {name}", "no snapshot of that name here", needed, fix)


def _build_no_snapshot(context: RestoreContext) -> Problem:
    waiting = [s for s in list_own_snapshots(context.inventory, context.settings.source) if s.status != "available"]
    found = "no available snapshot of the source" + (
        f"; not available: {_format_snapshots(waiting)}" if waiting else ""
    )
    return Problem("snapshot latest", found, "a snapshot, or method pitr", "python -m restore options")


def _find_snapshot_problems(context: RestoreContext, snapshot: Snapshot) -> Iterable[Problem]:
    subject = f"snapshot {snapshot.identifier}"
    yield from _find_unready(snapshot)
    if snapshot.engine != ENGINE:
        yield Problem(subject, f"engine {snapshot.engine}", f"engine {ENGINE}", "pulumi config set snapshot latest")
    if not context.request.foreign_snapshot and not _is_own(context, snapshot):
        yield _build_foreign(context, snapshot)


def _find_unready(snapshot: Snapshot) -> Iterable[Problem]:
    if snapshot.status == "available":
        return
    done = f", {snapshot.percent} % done" if snapshot.status == "creating" and snapshot.percent is not None else ""
    wait = f"aws rds wait db-snapshot-available --db-snapshot-identifier {snapshot.identifier}"
    fix = wait if snapshot.status == "creating" else "python -m restore options (take another one)"
    yield Problem(f"snapshot {snapshot.identifier}", f"status {snapshot.status}{done}", "status available", fix)


def _is_own(context: RestoreContext, snapshot: Snapshot) -> bool:
    return snapshot in list_own_snapshots(context.inventory, context.settings.source)


def _build_foreign(context: RestoreContext, snapshot: Snapshot) -> Problem:
    again = snapshot.source_identifier == context.settings.source
    whose = (
        f"of an earlier instance called {snapshot.source_identifier}" if again else f"of {snapshot.source_identifier}"
    )
    return Problem(
        f"snapshot {snapshot.identifier}",
        f"{whose} ({snapshot.source_resource_id or 'resource id unknown'})",
        f"a snapshot of {context.settings.source}",
        "pulumi config set snapshot latest, or on purpose: pulumi config set foreignSnapshot true",
    )
