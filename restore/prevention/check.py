"""Reads how old the newest backup of each kind is, and publishes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from restore.errors import PermanentError, Problem, RestoreError
from restore.evidence import Store
from restore.model.prevention import PreventionSettings
from restore.model.rds import AutomatedBackup, Instance, Snapshot
from restore.model.request import Settings
from restore.prevention.ages import METRICS, BackupAge, BackupKind, find_newest, list_watched
from restore.prevention.stored_dumps import StoredDump

DRILL = "drill"
"""The step under which a drill records its end, `passed` or not; its stack is named after the drilled one."""


class RdsReads(Protocol):
    """What of RDS is read; restore.aws.Rds has it."""

    def find_instance(self, identifier: str) -> Instance | None: ...
    def list_snapshots(self, *, resource_id: str | None = None) -> tuple[Snapshot, ...]: ...
    def list_automated_backups(self, *, resource_id: str | None = None) -> tuple[AutomatedBackup, ...]: ...


@dataclass(frozen=True)
class BackupCheck:
    """One look at the backups of a stack's source. `dumps` are the dumps of the bucket, newest first; `second` is RDS
    in the region to which automated backups are replicated."""

    settings: Settings
    prevention: PreventionSettings
    rds: RdsReads
    dumps: Callable[[], Sequence[StoredDump]]
    store: Callable[[], Store]
    second: Callable[[], RdsReads]

    def measure(self) -> tuple[BackupAge, ...]:
        """Returns the age of each kind that is watched. What can't be asked is missing, with the reason; it is no
        error, for the others count all the same."""
        return tuple(self._measure(kind, limit) for kind, limit in list_watched(self.settings, self.prevention).items())

    def _measure(self, kind: BackupKind, limit: timedelta) -> BackupAge:
        read = {
            BackupKind.PITR: self._find_restorable,
            BackupKind.SNAPSHOT: self._find_snapshot,
            BackupKind.DUMP: self._find_dump,
            BackupKind.DRILL: self._find_drill,
            BackupKind.REPLICA: self._find_replica,
        }[kind]
        try:
            at, what = read()
        except RestoreError as error:
            return BackupAge(kind, limit, None, unread=" ".join(str(error).split()))
        return BackupAge(kind, limit, at, what)

    def _require_source(self) -> Instance:
        """Raises PermanentError where it is gone."""
        instance = self.rds.find_instance(self.settings.source)
        if instance is None:
            fix = "python -m restore options (what it can be restored from)"
            raise PermanentError.of(Problem(f"instance {self.settings.source}", "not there", "the source", fix))
        return instance

    def _find_restorable(self) -> tuple[datetime | None, str]:
        source = self._require_source()
        return source.latest_restorable, source.identifier

    def _find_snapshot(self) -> tuple[datetime | None, str]:
        source = self._require_source()
        newest = find_newest(self.rds.list_snapshots(resource_id=source.resource_id), source.resource_id)
        return (newest.created, newest.identifier) if newest else (None, "")

    def _find_dump(self) -> tuple[datetime | None, str]:
        """Finds the newest dump that counts. Of the nightly dumps that is one of this stack, for a bucket may hold
        another's too, that was read to its end after the upload."""
        ours, stack = self.prevention.dump_schedule is not None, self.settings.stack
        dumps = self.dumps()
        counted = (dump for dump in dumps if (dump.is_whole and dump.stack == stack if ours else not dump.is_damaged))
        newest = next(counted, None)
        return (newest.at, newest.key) if newest else (None, "")

    def _find_replica(self) -> tuple[datetime | None, str]:
        """Finds the newest second to which the second region can restore this very instance: a replication goes by the
        DbiResourceId, and stays with the former instance when another one gets its name."""
        source = self._require_source()
        windows = self.second().list_automated_backups(resource_id=source.resource_id)
        ends = ((window.latest, window.arn) for window in windows if window.is_replica and window.latest)
        return max(ends, default=(None, ""))

    def _find_drill(self) -> tuple[datetime | None, str]:
        passed = max(self._list_drills(), key=lambda item: item[0], default=None)
        return passed or (None, "")

    def _list_drills(self) -> Iterator[tuple[datetime, str]]:
        """Yields when each drill ended that passed. A drill restores in a stack of its own, named after this one."""
        store, stack = self.store(), f"{self.settings.stack}-{DRILL}"
        for drill_id in store.list_ids(stack):
            record = store.read_latest(stack, drill_id, DRILL)
            if record and record.get("passed") is True:
                yield read_time(record), drill_id


def read_time(record: Mapping[str, Any]) -> datetime:
    """Returns when a record of the evidence was written."""
    return datetime.fromisoformat(str(record["written"]))


def list_values(ages: Sequence[BackupAge], now: datetime) -> Mapping[str, float]:
    """Returns the seconds of each metric; what is missing has none, and its alarm counts that as late."""
    measured = {age.kind: age.measure(now) for age in ages}
    return {METRICS[kind]: value.total_seconds() for kind, value in measured.items() if value is not None}
