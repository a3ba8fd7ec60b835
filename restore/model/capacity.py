"""Whether AWS has room for a restored instance: what an account may have, and what its places and keys allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ROOM_CHECK = "preflight.room"
"""What `waive` names, with what is short: `preflight.room:DBInstances`."""
USABLE_KEY = "Enabled"
GONE = "no such key"


@dataclass(frozen=True)
class KmsKey:
    """A KMS key as DescribeKey tells it."""

    arn: str
    state: str
    """Enabled, or why it can't be used: Disabled, PendingDeletion, PendingImport, Unavailable, ..."""


@dataclass(frozen=True)
class Quota:
    """How much of a quota of RDS is taken. Storage is in GiB."""

    used: int
    most: int

    @property
    def left(self) -> int:
        return self.most - self.used


@dataclass(frozen=True)
class Offer:
    """One combination that a new instance of the wanted class can be ordered in."""

    version: str
    storage_type: str
    zones: frozenset[str]
    multi_az: bool


@dataclass(frozen=True)
class Subnet:
    """A subnet of the wanted subnet group."""

    identifier: str
    zone: str
    free: int | None
    """Addresses that nobody has; None where they couldn't be asked for."""


@dataclass(frozen=True)
class Capacity:
    """What was asked before anything stops. A part that couldn't be asked is None, and named in `unasked`."""

    quotas: Mapping[str, Quota] | None = None
    """By name, as DescribeAccountAttributes has them; each with the limit that holds for this account."""
    offers: tuple[Offer, ...] | None = None
    """Of the wanted class; those of the wanted version where there are any."""
    subnets: tuple[Subnet, ...] | None = None
    keys: Mapping[str, KmsKey] | None = None
    """By the name that the settings have for it."""
    unasked: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why a part couldn't be asked, by its name."""
