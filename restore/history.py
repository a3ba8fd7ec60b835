"""What a restore will take, by what this team's earlier ones took; until there is one, by documented figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from restore.model.gates import CONFORMED, IMPORTED, SCANNED, VALIDATED
from restore.model.history import CANDIDATE, SAFETY_SNAPSHOT, History, PhaseDuration
from restore.model.request import Method
from restore.units import format_duration

GROWING = frozenset({SCANNED.name, IMPORTED.name, VALIDATED.name})
"""Phases that read all rows: their time grows with the data. RDS makes an instance from a snapshot without copying the
data first (RDS User Guide, "Restoring to a DB instance": it is loaded in the background)."""
TO_VALIDATED = (CANDIDATE, CONFORMED.name, IMPORTED.name, VALIDATED.name)
"""The phases that follow each other until the data is proved; `scanned` runs beside the first two."""
MINUTE, HOUR = 60.0, 3600.0
DOCUMENTED: Mapping[Method, tuple[float, float]] = {
    Method.SNAPSHOT: (20 * MINUTE, 40 * MINUTE),
    Method.PITR: (30 * MINUTE, 60 * MINUTE),
    Method.DUMP: (1 * HOUR, 4 * HOUR),
}
"""How long a restore takes, by the runbook that this program comes from; AWS gives no figure."""
DOCUMENTED_CHECKS = 30 * MINUTE
"""What the same runbook adds for the checks and the start of the applications."""
DOCUMENTED_SNAPSHOT = (5 * MINUTE, 30 * MINUTE)
"""How long a snapshot takes, by the same runbook."""


@dataclass(frozen=True)
class Estimate:
    """How long something takes. Seconds."""

    typical: float
    shortest: float
    longest: float
    basis: str
    """What it is known by, in words."""
    measured: bool
    """By this team's own restores; False: a documented figure that nobody has measured here."""

    @property
    def span(self) -> str:
        """Says how long it takes; the spread too, where it is known."""
        low, high = (format_duration(timedelta(seconds=seconds)) for seconds in (self.shortest, self.longest))
        if not self.measured:
            return f"{low} to {high}"
        about = f"about {format_duration(timedelta(seconds=self.typical))}"
        return about if low == high else f"{about} ({low} to {high})"

    @property
    def text(self) -> str:
        return f"{self.span}, {self.basis}"


def estimate_validated(history: History, method: Method, size: int | None) -> Estimate:
    """Returns the time from the beginning of `pulumi up` to a validated database. `size`: GiB of its storage."""
    restores = {phase.restore_id for phase in history.phases if phase.method == method}
    of_each = [[phase for phase in history.phases if phase.restore_id == restore] for restore in sorted(restores)]
    totals = [(sum_to_validated(phases, method, size), phases) for phases in of_each]
    known = [(total, phases) for total, phases in totals if total is not None]
    if known:
        return _summarize([total for total, _ in known], [phase for _, phases in known for phase in phases])
    shortest, longest = DOCUMENTED[method]
    return _make_documented_estimate(shortest + DOCUMENTED_CHECKS, longest + DOCUMENTED_CHECKS, history)


def estimate_phase(history: History, phase: str, method: Method, size: int | None) -> Estimate | None:
    """Returns how long one phase takes for a database of `size` GiB; None where neither this team nor a document
    knows."""
    of_any = [item for item in history.phases if item.phase == phase]
    known = of_any if phase == SAFETY_SNAPSHOT else [item for item in of_any if item.method == method]
    if known:
        return _summarize([scale(item, size) for item in known], known)
    documented = {
        CANDIDATE: DOCUMENTED[Method.SNAPSHOT if method is Method.DUMP else method],
        IMPORTED.name: DOCUMENTED[Method.DUMP],
        SAFETY_SNAPSHOT: DOCUMENTED_SNAPSHOT,
        VALIDATED.name: (0.0, DOCUMENTED_CHECKS),
    }
    return _make_documented_estimate(*documented[phase], history) if phase in documented else None


def sum_to_validated(phases: Iterable[PhaseDuration], method: Method, size: int | None) -> float | None:
    """Returns the seconds of one restore to its validated database; None where a phase of it isn't known."""
    seconds = {phase.phase: scale(phase, size) for phase in phases}
    needed = [name for name in TO_VALIDATED if name != IMPORTED.name or method is Method.DUMP]
    if any(name not in seconds for name in needed):
        return None
    made = max(seconds[CANDIDATE] + seconds[CONFORMED.name], seconds.get(SCANNED.name, 0.0))
    return made + seconds.get(IMPORTED.name, 0.0) + seconds[VALIDATED.name]


def scale(phase: PhaseDuration, size: int | None) -> float:
    """Returns the seconds that a phase would take for a database of `size` GiB."""
    return phase.seconds * size / phase.size if phase.phase in GROWING and size and phase.size else phase.seconds


def _summarize(seconds: list[float], phases: Iterable[PhaseDuration]) -> Estimate:
    last, count = max(phase.ended for phase in phases), len(seconds)
    basis = f"measured in {count} restore{'' if count == 1 else 's'} of this stack, last on {last:%Y-%m-%d}"
    return Estimate(median(seconds), min(seconds), max(seconds), basis, measured=True)


def _make_documented_estimate(shortest: float, longest: float, history: History) -> Estimate:
    why = f"this stack's evidence can't be read: {history.unread}" if history.unread else "no restore measured here yet"
    return Estimate((shortest + longest) / 2, shortest, longest, f"a runbook's figure: {why}", measured=False)
