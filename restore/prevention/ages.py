"""How old the newest backup of each kind is, and how old it may be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from restore.errors import Problem
from restore.model.prevention import PreventionSettings, parse_age
from restore.model.rds import Snapshot
from restore.model.request import Settings
from restore.units import TIME_FORMAT, format_duration
from validation.document_store import S3


class BackupKind(StrEnum):
    """What is watched."""

    PITR = "point-in-time recovery"
    SNAPSHOT = "snapshot"
    DUMP = "dump"
    DRILL = "drill"
    REPLICA = "replicated backup"


METRICS = {
    BackupKind.PITR: "LatestRestorableTimeAge",
    BackupKind.SNAPSHOT: "SnapshotAge",
    BackupKind.DUMP: "DumpAge",
    BackupKind.DRILL: "DrillAge",
    BackupKind.REPLICA: "ReplicaAge",
}
"""Names of the CloudWatch metrics, in seconds."""
FIELDS = {
    BackupKind.PITR: "oldestRestorable",
    BackupKind.SNAPSHOT: "oldestSnapshot",
    BackupKind.DUMP: "oldestDump",
    BackupKind.DRILL: "oldestDrill",
    BackupKind.REPLICA: "oldestReplica",
}
FIXES = {
    BackupKind.PITR: "aws rds describe-events --source-type db-instance --source-identifier {source} --duration 1440",
    BackupKind.SNAPSHOT: 'python -m restore snapshot --reason "<why>"',
    BackupKind.DUMP: "python -m restore dump",
    BackupKind.DRILL: "python -m restore drill",
    BackupKind.REPLICA: 'docs/prevention.md, "Backups in a second region"',
}


@dataclass(frozen=True)
class BackupAge:
    """The newest of one kind. `at` None: there is none, or it could not be asked (`unread` says why)."""

    kind: BackupKind
    limit: timedelta
    at: datetime | None
    what: str = ""
    """Its name."""
    unread: str = ""

    def measure(self, now: datetime) -> timedelta | None:
        """Returns how old it is."""
        return None if self.at is None else max(timedelta(0), now - self.at)

    def is_late(self, now: datetime) -> bool:
        """Tells whether it is older than it may be, or missing."""
        age = self.measure(now)
        return age is None or age > self.limit


def list_watched(settings: Settings, prevention: PreventionSettings) -> dict[BackupKind, timedelta]:
    """Returns what is watched under these settings, and how old each may be: dumps where there is a bucket for them,
    drills where their evidence can be read from anywhere, backups in the second region where there is one."""
    limits = {
        BackupKind.PITR: parse_age(prevention.oldest_restorable),
        BackupKind.SNAPSHOT: parse_age(prevention.oldest_snapshot),
    }
    if settings.backups.bucket:
        limits[BackupKind.DUMP] = parse_age(prevention.oldest_dump)
    if settings.evidence.startswith(S3):
        limits[BackupKind.DRILL] = parse_age(prevention.oldest_drill)
    if prevention.replicate_to:
        limits[BackupKind.REPLICA] = parse_age(prevention.oldest_replica)
    return limits


def find_newest(snapshots: Sequence[Snapshot], resource_id: str) -> Snapshot | None:
    """Returns the newest snapshot of this very instance that can be restored."""
    ready = (item for item in snapshots if item.source_resource_id == resource_id and item.status == "available")
    return max(ready, key=lambda item: item.created.timestamp() if item.created else 0.0, default=None)


def find_late(ages: Sequence[BackupAge], source: str, now: datetime) -> Iterator[Problem]:
    """Yields what is too old or missing."""
    for age in ages:
        if not age.is_late(now):
            continue
        measured = age.measure(now)
        found = age.unread or (
            "none" if measured is None else f"{age.what}: {format_duration(measured)} old".lstrip(": ")
        )
        needed = f"one of the last {format_duration(age.limit)} (prevention.{FIELDS[age.kind]})"
        yield Problem(f"prevention {age.kind}", found, needed, FIXES[age.kind].format(source=source))


def render(ages: Sequence[BackupAge], source: str, now: datetime) -> str:
    """Returns a line for each kind, and what to do about those that are late, for an 80-column terminal."""
    lines = [f"Backups of {source} at {now:{TIME_FORMAT}}:"]
    for age in ages:
        measured = age.measure(now)
        told = "none" if measured is None else f"{format_duration(measured)} old"
        verdict = "LATE" if age.is_late(now) else "ok"
        lines.append(
            f"  {verdict:4}  {age.kind:22}  {told:>12}, at most {format_duration(age.limit):10}  {age.what}".rstrip()
        )
    for problem in find_late(ages, source, now):
        lines += ["", str(problem)]
    return "\n".join(lines)
