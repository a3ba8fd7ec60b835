"""What goes on now: AWS's long work, and the gates at work in a run that lives, each with what it still takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from restore.evidence.current_run import CurrentRun, Life
from restore.history import Estimate, estimate_phase
from restore.model.context import RestoreContext
from restore.model.history import CANDIDATE, SAFETY_SNAPSHOT, History
from restore.model.rds import Snapshot
from restore.report.timeline import LABELS
from restore.report.untrusted import EvidenceRecord, parse_moment, select_steps
from restore.status.model import Step

COPY = "copy"
AVAILABLE = "available"


def list_steps(
    context: RestoreContext,
    records: Sequence[EvidenceRecord],
    run: CurrentRun | None,
    history: History,
) -> tuple[Step, ...]:
    """Returns what goes on now. AWS goes on with its work also when the run that asked for it was killed."""
    return (*_list_aws_steps(context, records, history), *_list_gate_steps(context, run, history))


def _list_aws_steps(context: RestoreContext, records: Sequence[EvidenceRecord], history: History) -> Iterable[Step]:
    candidate, now = context.candidate, context.inventory.now
    if context.copy and context.copy.status == "creating":
        yield _build_snapshot_step(COPY, f"RDS copies the snapshot to {context.copy.identifier}", context.copy, now)
    if candidate and candidate.status != AVAILABLE:
        began = _find_open_begin(records, CANDIDATE) or candidate.created
        estimate = _estimate(context, history, CANDIDATE) if candidate.status == "creating" else None
        label = f"{LABELS[CANDIDATE]} {candidate.identifier}"
        yield Step(CANDIDATE, label, began, now, f"status {candidate.status}", estimate)
    if context.safety and context.safety.status == "creating":
        estimate = _estimate(context, history, SAFETY_SNAPSHOT)
        label = f"{LABELS[SAFETY_SNAPSHOT]} {context.safety.identifier}"
        yield _build_snapshot_step(SAFETY_SNAPSHOT, label, context.safety, now, estimate)


def _build_snapshot_step(
    name: str, label: str, snapshot: Snapshot, now: datetime, estimate: Estimate | None = None
) -> Step:
    return Step(name, label, snapshot.created, now, "", estimate, snapshot.percent)


def _list_gate_steps(context: RestoreContext, run: CurrentRun | None, history: History) -> Iterable[Step]:
    now = context.inventory.now
    if run is None or run.judge(now) is not Life.RUNNING or run.restore_id != context.request.id:
        return
    for name, gate in run.gates.items():
        label = f"gate {name}: {LABELS.get(name, name)}"
        yield Step(name, label, gate.began, now, gate.said, _estimate(context, history, name))


def _estimate(context: RestoreContext, history: History, phase: str) -> Estimate | None:
    candidate, source = context.candidate, context.source
    size = next((item.settings.allocated_storage for item in (candidate, source) if item), None)
    return estimate_phase(history, phase, context.request.method, size)


def _find_open_begin(records: Sequence[EvidenceRecord], step: str) -> datetime | None:
    """Returns when a step began of which no end is recorded."""
    recorded = [*select_steps(records, step)]
    return parse_moment(recorded[-1].get("began")) if recorded and not recorded[-1].get("ended") else None
