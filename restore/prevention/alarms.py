"""The alarms on the ages of backups and drills. Pure.

Missing data is breaching: a check that doesn't run, and a backup that doesn't exist, are no good news (CloudWatch User
Guide, "Configuring how CloudWatch alarms treat missing data").
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from restore.model.prevention import PreventionSettings
from restore.model.request import Settings
from restore.prevention.ages import FIXES, METRICS, BackupKind, list_watched
from restore.units import format_duration

DIMENSION = "Stack"
PERIODS = 2
"""A period holds two checks, and two periods must be late: one check that a node loses is no alarm."""


@dataclass(frozen=True)
class BackupAlarm:
    """One alarm: the greatest age of a period, in seconds, is over the limit in each of PERIODS."""

    kind: BackupKind
    name: str
    metric: str
    limit: timedelta
    period: int
    """Seconds."""
    description: str


def list_alarms(settings: Settings, prevention: PreventionSettings) -> tuple[BackupAlarm, ...]:
    """Returns one alarm for each kind that is watched."""
    return tuple(
        BackupAlarm(
            kind,
            f"restore-{settings.stack}-{METRICS[kind]}",
            METRICS[kind],
            limit,
            2 * 60 * prevention.every_minutes,
            f"{settings.source}: the newest {kind} is older than {format_duration(limit)}, or nobody knows. "
            f"See: python -m restore check-backups; then: {FIXES[kind].format(source=settings.source)}",
        )
        for kind, limit in list_watched(settings, prevention).items()
    )
