"""How long the phases of a team's earlier restores took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

CANDIDATE, SAFETY_SNAPSHOT = "candidate", "safety-snapshot"
"""What AWS does for long, by the step of its records in the evidence; the other phases are gates, by their names."""


@dataclass(frozen=True)
class PhaseDuration:
    """One phase of one restore, once it had ended well."""

    restore_id: str
    phase: str
    method: str
    """snapshot, pitr or dump."""
    seconds: float
    size: int | None
    """GiB of the restored instance's storage; None where it isn't known."""
    ended: datetime


@dataclass(frozen=True)
class History:
    """All that is known, in no order."""

    phases: tuple[PhaseDuration, ...] = ()
    unread: str = ""
    """Why the evidence could not be asked; empty where it could."""
