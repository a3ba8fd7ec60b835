"""What a candidate is made from, once it is known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from restore.errors import Problem
from restore.model.planned import RecoveryPoint
from restore.model.rds import InstanceSettings


@dataclass(frozen=True)
class RestoreSource:
    """What the candidate is made from: the point, and what is known of the data's instance."""

    point: RecoveryPoint
    engine_version: str | None
    storage: int
    """GiB; the candidate can't have less."""
    encrypted: bool
    kms_key_id: str | None
    settings: InstanceSettings
    """What a snapshot or an automated backup knows of its instance: little."""
    iops: int | None = None
    storage_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the backup knows of its instance's tags."""


@dataclass(frozen=True)
class Resolution:
    """The origin, or the reasons why there is none."""

    origin: RestoreSource | None
    problems: tuple[Problem, ...] = ()
