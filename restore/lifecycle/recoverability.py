"""Whether a database can be recovered to a point in time: a restored one can't before its first automated backup.

Until then only the backups of the database that it was made of, and snapshots taken by hand, can bring anything back
(RDS User Guide, "Restoring a DB instance to a specified time": the window begins with the first automated backup).
"""

from __future__ import annotations

from dataclasses import dataclass

from restore.model.rds import Instance
from restore.units import TIME_FORMAT


@dataclass(frozen=True)
class Recoverability:
    """`text` says it in a line, with what to do where it isn't recoverable."""

    recoverable: bool
    text: str


def describe_recoverability(instance: Instance) -> Recoverability:
    """Says what RDS's answer means. Pure."""
    name, retention = instance.identifier, instance.settings.backup_retention_period
    if retention == 0:
        fix = f"aws rds modify-db-instance --db-instance-identifier {name} --backup-retention-period 7"
        return Recoverability(
            False, f"{name} is not recoverable to a point in time: automated backups are off. Turn them on: {fix}"
        )
    if instance.latest_restorable is None:
        taken = "it is being taken now" if instance.status == "backing-up" else f"due {describe_window(instance)}"
        snapshot = f"aws rds create-db-snapshot --db-instance-identifier {name} --db-snapshot-identifier {name}-first"
        return Recoverability(
            False,
            f"{name} is not recoverable to a point in time until its first automated backup has ended ({taken}). "
            f"A snapshot at once: {snapshot}",
        )
    return Recoverability(True, f"{name} is recoverable until {instance.latest_restorable:{TIME_FORMAT}}")


def describe_window(instance: Instance) -> str:
    """Returns when RDS makes the next automated backup, in words; times in UTC."""
    backup_window = instance.settings.backup_window
    return f"in the backup window {backup_window} UTC" if backup_window else "in its backup window"
