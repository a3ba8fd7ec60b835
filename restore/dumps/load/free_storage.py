"""The free storage of the target, where it is an RDS instance: a full disk stops production halfway through a load."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from restore.aws.client import Aws
from restore.aws.metrics import read_free_storage
from restore.aws.rds import Rds
from restore.dumps.model import GIB
from restore.errors import PermanentError, Problem
from restore.model.rds_address import parse_address
from restore.units import format_size

LEAST_GROWTH = 10
"""Percent; ModifyDBInstance refuses less (RDS API Reference, AllocatedStorage)."""


@dataclass(frozen=True)
class Storage:
    """The free storage of an instance, as CloudWatch measured it last."""

    instance: str
    allocated: int
    """GiB."""
    free: int
    """Bytes."""
    at: datetime

    def __str__(self) -> str:
        return (
            f"{format_size(self.free)} free of {self.allocated} GiB on {self.instance} at {self.at:%H:%M}Z (CloudWatch)"
        )

    def as_json(self) -> dict[str, Any]:
        """Returns the measurement as JSON-like values."""
        return {
            "instance": self.instance,
            "allocatedGib": self.allocated,
            "freeBytes": self.free,
            "measuredAt": self.at.isoformat(),
        }

    def find_lack(self, needed: int) -> Problem | None:
        """Returns what is wrong when a load of `needed` more bytes would fill it, otherwise None. Storage autoscaling
        is slower than a load."""
        if needed <= self.free:
            return None
        grown = self.allocated + math.ceil((needed - self.free) / GIB)
        least = max(grown, math.ceil(self.allocated * (100 + LEAST_GROWTH) / 100))
        return Problem(
            "storage of the target",
            str(self),
            f"about {format_size(needed)}: rows, indexes, and the log while they are made",
            f"aws rds modify-db-instance --db-instance-identifier {self.instance} --allocated-storage {least}"
            " --apply-immediately; or load it with --no-storage-check",
        )


def parse_endpoint(host: str) -> tuple[str, str] | None:
    """Returns identifier and region in an instance's endpoint; None for another host. Pure."""
    address = parse_address(host)
    return (address.identifier, address.region) if address else None


def measure(host: str, instance: str | None, region: str, connect: Callable[[str], Aws]) -> Storage:
    """Returns the storage of the instance that is called so, or has this endpoint. Raises RestoreError: why it isn't
    known."""
    place = (instance, region) if instance else parse_endpoint(host)
    if place is None:
        fix = 'docs/dumps.md, "A dump by hand": --instance names the instance behind it'
        raise PermanentError.of(Problem("storage of the target", f"{host} is no RDS endpoint", "one to ask for", fix))
    identifier, where = place
    aws = connect(where)
    described = Rds(aws).find_instance(identifier)
    if described is None or not (instance or (described.endpoint and described.endpoint.host.lower() == host.lower())):
        what = f"no instance {identifier} in {where}" if instance else f"no instance with the endpoint {host}"
        needed = "an instance of this account: clusters and proxies don't tell"
        raise PermanentError.of(
            Problem(
                "storage of the target",
                what,
                needed,
                'docs/dumps.md, "A dump by hand": --instance names the instance behind it',
            )
        )
    free = read_free_storage(aws, described.identifier, datetime.now(UTC))
    if free is None:
        needed = "a value of the last 15 minutes"
        fix = 'docs/dumps.md, "A dump by hand": a new instance has a value after a few minutes; or --no-storage-check'
        raise PermanentError.of(Problem(f"FreeStorageSpace of {identifier}", "none in CloudWatch", needed, fix))
    return Storage(described.identifier, described.settings.allocated_storage or 0, int(free.value), free.at)
