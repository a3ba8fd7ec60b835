"""What each status of an RDS instance means for a restore, and the way out of the bad ones.

Source: RDS User Guide, "Viewing Amazon RDS DB instance status"; API reference of CreateDBSnapshot.
"""

from __future__ import annotations

from collections.abc import Mapping

SNAPSHOT_READY = frozenset({"available", "storage-optimization"})
"""In these the API takes a DB snapshot."""

USABLE = frozenset({"available", "backing-up", "storage-optimization"})
"""In these the instance answers; `backing-up` can last for hours (hashicorp/terraform-provider-aws issue 44104)."""

LEAVING = frozenset({"deleting", "delete-precheck"})

_EVENTS = "aws rds describe-events --source-type db-instance --source-identifier {name}"

BROKEN: Mapping[str, str] = {
    "failed": f"see why: {_EVENTS}",
    "incompatible-create": f"see why: {_EVENTS}",
    "incompatible-restore": f"see why: {_EVENTS}; often the class or the parameter group doesn't suit the data",
    "restore-error": f"see why: {_EVENTS}",
    "incompatible-network": "free addresses in the subnet group, then: aws rds start-db-instance "
    "--db-instance-identifier {name}",
    "incompatible-option-group": "correct the option group, then reboot the instance",
    "incompatible-parameters": "correct the parameter group, then: aws rds reboot-db-instance "
    "--db-instance-identifier {name}",
    "incompatible-credentials": f"see why: {_EVENTS}",
    "insufficient-capacity": "choose another class: pulumi config set --path instance.instanceClass <class>",
    "inaccessible-encryption-credentials": "give RDS access to the KMS key again, then restore from a backup",
    "inaccessible-encryption-credentials-recoverable": "enable the KMS key, then: aws rds start-db-instance "
    "--db-instance-identifier {name}",
    "storage-full": "aws rds modify-db-instance --db-instance-identifier {name} --allocated-storage <more GiB> "
    "--apply-immediately",
    "stopped": "aws rds start-db-instance --db-instance-identifier {name}",
    "stopping": "wait until it is stopped, then: aws rds start-db-instance --db-instance-identifier {name}",
}
"""Statuses that don't end by themselves, and what to do."""


def way_out(status: str, name: str) -> str:
    """What to do about a broken status."""
    return BROKEN.get(status, _EVENTS).format(name=name)
