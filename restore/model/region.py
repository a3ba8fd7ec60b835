"""A restore into another region: what its source's region says, and what this region has under the source's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from restore.model.rds import AutomatedBackup, Snapshot

UNFENCED = "unfenced"
"""The check of gates quiesced and switched: who writes in a region that can't be asked is proved by nobody."""


def name_unfenced(gate: str, region: str) -> str:
    """Returns the problem's name, which is its waiver: `quiesced.unfenced:us-east-1`."""
    return f"{gate}.{UNFENCED}:{region}"


@dataclass(frozen=True)
class LateDump:
    """A dump of the source's bucket that this region's bucket doesn't have."""

    key: str
    stored: datetime
    status: str
    """S3's replication status: PENDING, FAILED, COMPLETED; empty where no rule replicates the object."""


@dataclass(frozen=True)
class SourceRegion:
    """The region of a source that isn't the stack's, as far as it answers."""

    name: str
    silence: str = ""
    """Why it gave no answer; empty where it did."""
    security_groups: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names of the source's security groups, by their ids there."""
    parameters: Mapping[str, str] | None = None
    """What the source's parameter group sets, by name; None where it couldn't be read."""
    late_dumps: tuple[LateDump, ...] = ()
    """Newest first."""
    unasked: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why a part couldn't be asked, by its name."""

    @property
    def answers(self) -> bool:
        return not self.silence


@dataclass(frozen=True)
class SecurityGroup:
    """A security group of this region."""

    identifier: str
    name: str
    vpc: str


@dataclass(frozen=True)
class Places:
    """What this region has of all that an instance needs besides its data."""

    subnet_groups: Mapping[str, str]
    """VPC by name."""
    parameter_groups: Mapping[str, str]
    """Family by name."""
    security_groups: tuple[SecurityGroup, ...]
    """Those that have the name of one of the source's."""


@dataclass(frozen=True)
class RegionPoints:
    """What a region that isn't the stack's keeps of the source."""

    name: str
    snapshots: tuple[Snapshot, ...] = ()
    backups: tuple[AutomatedBackup, ...] = ()
    silence: str = ""
    """Why it gave no answer; empty where it did."""
