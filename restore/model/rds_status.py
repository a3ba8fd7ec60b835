"""What each status of an RDS instance means for a restore, and the way out of the bad ones: the only such table.

Source of the rows: Amazon RDS User Guide, "Viewing Amazon RDS DB instance status",
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html. A row with another source names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

BACKING_UP = "backing-up"


class Condition(StrEnum):
    """What a status means for a restore."""

    USABLE = "the database answers, and its settings are final or can be changed"
    IN_TRANSITION = "RDS ends this status by itself"
    LEAVING = "the instance is going away"
    BROKEN = "stays until somebody acts, who can repair the instance"
    DEAD_END = "no instance comes of it: restore again"


@dataclass(frozen=True)
class StatusMeaning:
    """`way_out` is a command, with {name} for the instance's identifier; "" where none is needed."""

    condition: Condition
    way_out: str = ""
    takes_snapshot: bool = False


_USABLE = StatusMeaning(Condition.USABLE)
_IN_TRANSITION = StatusMeaning(Condition.IN_TRANSITION)
_LEAVING = StatusMeaning(Condition.LEAVING)
# Without --duration (minutes) RDS returns the events of the past hour (API reference of DescribeEvents)
_EVENTS = "aws rds describe-events --source-type db-instance --source-identifier {name} --duration 1440"
_DEAD_END = StatusMeaning(Condition.DEAD_END, _EVENTS)
_START = "aws rds start-db-instance --db-instance-identifier {name}"
_STORAGE = "aws rds modify-db-instance --db-instance-identifier {name} --allocated-storage <GiB> --apply-immediately"
_OPTIONS = "aws rds modify-db-instance --db-instance-identifier {name} --option-group-name <group> --apply-immediately"
_PARAMETERS = (
    "aws rds reset-db-parameter-group --db-parameter-group-name <group> "
    "--parameters ParameterName=<name>,ApplyMethod=pending-reboot; "
    "aws rds reboot-db-instance --db-instance-identifier {name}"
)

STATUSES: Mapping[str, StatusMeaning] = {
    # In these two the API takes a DB snapshot (API reference of CreateDBSnapshot)
    "available": StatusMeaning(Condition.USABLE, takes_snapshot=True),
    "storage-optimization": StatusMeaning(Condition.USABLE, takes_snapshot=True),
    # Lasts for hours, and the instance is usable in it (hashicorp/terraform-provider-aws issue 44104)
    BACKING_UP: _USABLE,
    "storage-initialization": _USABLE,
    "storage-config-upgrade": _USABLE,
    "configuring-enhanced-monitoring": _IN_TRANSITION,
    "configuring-iam-database-auth": _IN_TRANSITION,
    "configuring-log-exports": _IN_TRANSITION,
    "converting-to-vpc": _IN_TRANSITION,
    "creating": _IN_TRANSITION,
    "maintenance": _IN_TRANSITION,
    "modifying": _IN_TRANSITION,
    "moving-to-vpc": _IN_TRANSITION,
    "rebooting": _IN_TRANSITION,
    "renaming": _IN_TRANSITION,
    "resetting-master-credentials": _IN_TRANSITION,
    "starting": _IN_TRANSITION,
    "upgrading": _IN_TRANSITION,
    "delete-precheck": _LEAVING,
    "deleting": _LEAVING,
    "failed": _DEAD_END,
    "incompatible-create": _DEAD_END,
    "incompatible-restore": _DEAD_END,
    "insufficient-capacity": _DEAD_END,
    "restore-error": _DEAD_END,
    "upgrade_failed": _DEAD_END,
    # Of both: https://repost.aws/knowledge-center/rds-aurora-inaccessible-state
    "inaccessible-encryption-credentials": _DEAD_END,
    "inaccessible-encryption-credentials-recoverable": StatusMeaning(
        Condition.BROKEN, f"aws kms enable-key --key-id <key>; {_START}"
    ),
    "incompatible-network": StatusMeaning(Condition.BROKEN, f"free addresses in the subnet group, then: {_START}"),
    "incompatible-option-group": StatusMeaning(Condition.BROKEN, _OPTIONS),
    "incompatible-parameters": StatusMeaning(Condition.BROKEN, _PARAMETERS),
    "storage-full": StatusMeaning(Condition.BROKEN, _STORAGE),
    "stopped": StatusMeaning(Condition.BROKEN, _START),
    # It ends in stopped, and RDS has no waiter for that (botocore: waiters-2.json)
    "stopping": StatusMeaning(Condition.BROKEN, f"once it has stopped: {_START}"),
}


def _list_having(*conditions: Condition) -> frozenset[str]:
    return frozenset(status for status, meaning in STATUSES.items() if meaning.condition in conditions)


USABLE = _list_having(Condition.USABLE)
LEAVING = _list_having(Condition.LEAVING)
DEAD_ENDS = _list_having(Condition.DEAD_END)
BROKEN = _list_having(Condition.BROKEN, Condition.DEAD_END)
"""Statuses that waiting doesn't end."""
SNAPSHOT_READY = frozenset(status for status, meaning in STATUSES.items() if meaning.takes_snapshot)


def describe_way_out(status: str, name: str) -> str:
    """Returns the command that leads out of a broken status; the instance's events for any other."""
    return (STATUSES.get(status, _DEAD_END).way_out or _EVENTS).format(name=name)
