"""Where the time went: the phases of each run of the program, and what ran in parallel with what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from restore.model.gates import GATES, QUIESCED, SERVING, SWITCHED
from restore.model.history import CANDIDATE, SAFETY_SNAPSHOT
from restore.model.request import Traffic
from restore.report.untrusted import (
    EvidenceRecord,
    format_text,
    list_attempts,
    parse_mapping,
    parse_moment,
    select_steps,
)
from restore.report.verdict import BEGINNING, GateState, read_traffic
from restore.units import format_precise_duration
from validation.verdict import Verdict

RESOURCES = {CANDIDATE: "RDS makes the candidate", SAFETY_SNAPSHOT: "RDS takes the safety snapshot"}
"""What AWS does for long, by the step of its records."""
LABELS = RESOURCES | {gate.name: gate.does for gate in GATES}


@dataclass(frozen=True)
class TimelinePhase:
    """Something that took time. `left` and `width` are its place in its run, in thousandths."""

    name: str
    label: str
    began: datetime
    ended: datetime
    verdict: str
    """PASS, FAIL or INCONCLUSIVE of a gate; empty for what is none; `unfinished` where no end is recorded."""
    left: int = 0
    width: int = 0
    parallel: tuple[str, ...] = ()
    """Labels of the phases that ran at the same time for a while."""

    @property
    def when(self) -> str:
        """For who can't see the bars, and who points at one."""
        parallel = f", in parallel: {'; '.join(self.parallel)}" if self.parallel else ""
        return f"{self.began:%H:%M:%S} to {self.ended:%H:%M:%S} UTC{parallel}"

    @property
    def duration(self) -> str:
        return "no end recorded" if self.verdict == "unfinished" else format_precise_duration(self.ended - self.began)


@dataclass(frozen=True)
class TimelineRun:
    """One run of the program with what happened in it."""

    number: int
    began: datetime
    ended: datetime
    traffic: str
    found_traffic: str
    who: str
    phases: tuple[TimelinePhase, ...]

    @property
    def duration(self) -> str:
        return format_precise_duration(self.ended - self.began)

    @property
    def overlap(self) -> str:
        """How much work was done in parallel, in words; empty when nothing was."""
        work = sum((phase.ended - phase.began for phase in self.phases), timedelta())
        saved = work - self.busy
        return (
            f"{format_precise_duration(work)} of work in {format_precise_duration(self.busy)}"
            if saved > timedelta(seconds=1)
            else ""
        )

    @property
    def busy(self) -> timedelta:
        """The time in which at least one phase was at work."""
        total, until = timedelta(), BEGINNING
        for phase in self.phases:
            total += max(phase.ended - max(phase.began, until), timedelta())
            until = max(until, phase.ended)
        return total


@dataclass(frozen=True)
class Outage:
    """Applications stopped by this restore; `ended` is None while they are."""

    began: datetime
    ended: datetime | None


def list_runs(evidence: Sequence[EvidenceRecord]) -> tuple[TimelineRun, ...]:
    """Returns every run in order. What was recorded before the first run (none should) is left out of the timeline."""
    starts = [
        (record, began) for record in select_steps(evidence, "run") if (began := parse_moment(record.get("began")))
    ]
    ends = [*(began for _, began in starts), None][1:]
    timeline: list[TimelineRun] = []
    for number, ((record, began), until) in enumerate(zip(starts, ends, strict=False), 1):
        inside = [record for record in evidence if is_within(record, began, until)]
        timeline.append(build_run(number, record, began, list_phases(record, began, inside)))
    return tuple(timeline)


def is_within(record: EvidenceRecord, began: datetime, until: datetime | None) -> bool:
    """Tells whether a record, other than that of a run, began at `began` or later, and before `until`."""
    at = parse_moment(record.get("began"))
    return record.get("step") != "run" and at is not None and at >= began and (until is None or at < until)


def build_run(
    number: int, record: EvidenceRecord, began: datetime, phases_of_run: Sequence[TimelinePhase]
) -> TimelineRun:
    """Builds a run of its record and its phases; it ends with the last of them."""
    plan = parse_mapping(record.get("plan"))
    ended = max((phase.ended for phase in phases_of_run), default=began)
    return TimelineRun(
        number=number,
        began=began,
        ended=ended,
        traffic=read_traffic(record),
        found_traffic=format_text(plan.get("found_traffic")) or "half-way",
        who=format_text(parse_mapping(record.get("operator")).get("user")) or "not known",
        phases=place_phases(phases_of_run, began, ended),
    )


def list_phases(run: EvidenceRecord, began: datetime, inside: Sequence[EvidenceRecord]) -> list[TimelinePhase]:
    """Returns the phases of a run: gates and resources as recorded, and what the applications' resources took between
    the gates."""
    times = (parse_moment(record.get(name)) for record in inside for name in ("began", "ended"))
    last = max((at for at in times if at), default=began)
    of_run = [build_gate_phase(attempt) for attempt in list_attempts(inside)]
    of_run += [phase for name in RESOURCES for phase in build_resource_phases(name, inside, last)]
    of_run = [phase for phase in of_run if phase.began >= began]
    of_run += find_gaps(run, began, of_run)
    return sorted(of_run, key=lambda phase: (phase.began, phase.ended))


def build_gate_phase(record: EvidenceRecord) -> TimelinePhase:
    """Builds the phase of a gate's attempt."""
    name = format_text(record.get("gate"))
    began = parse_moment(record.get("began")) or BEGINNING
    ended = parse_moment(record.get("ended")) or began
    return TimelinePhase(name, LABELS.get(name, name), began, max(began, ended), str(GateState(name, record).verdict))


def build_resource_phases(name: str, inside: Sequence[EvidenceRecord], last: datetime) -> Iterable[TimelinePhase]:
    """Yields a phase from the records of its beginning and its end; up to the last thing known where the end is
    missing."""
    recorded = list(select_steps(inside, name))
    began = next((at for record in recorded if (at := parse_moment(record.get("began")))), None)
    if began is None:
        return
    ended = next((at for record in recorded if (at := parse_moment(record.get("ended")))), None)
    yield TimelinePhase(name, LABELS[name], began, ended or max(began, last), "" if ended else "unfinished")


def find_gaps(run: EvidenceRecord, began: datetime, proved: Sequence[TimelinePhase]) -> list[TimelinePhase]:
    """Returns the time that the applications' resources took: no hook measures it, the gates around them do."""
    gates = {phase.name: phase for phase in proved}
    gaps: list[TimelinePhase] = []
    if read_traffic(run) == Traffic.FROZEN and QUIESCED.name in gates:
        gaps.append(TimelinePhase("look", "look, plan, Deployments to 0", began, gates[QUIESCED.name].began, ""))
    elif proved:
        gaps.append(TimelinePhase("look", "look and plan", began, min(phase.began for phase in proved), ""))
    if {SWITCHED.name, SERVING.name} <= gates.keys() and gates[SWITCHED.name].verdict == Verdict.PASS:
        label = "secret switched, Deployments resume"
        gaps.append(TimelinePhase("resume", label, gates[SWITCHED.name].ended, gates[SERVING.name].began, ""))
    return [phase for phase in gaps if phase.ended >= phase.began]


def place_phases(phases: Sequence[TimelinePhase], began: datetime, ended: datetime) -> tuple[TimelinePhase, ...]:
    """Returns the phases with their places on the run's own scale, and the names of those in parallel with them."""
    whole = max((ended - began).total_seconds(), 0.001)

    def place(phase: TimelinePhase) -> TimelinePhase:
        left = round((phase.began - began).total_seconds() / whole * 1000)
        width = max(round((phase.ended - phase.began).total_seconds() / whole * 1000), 4)
        parallel = tuple(
            dict.fromkeys(
                other.label
                for other in phases
                if other is not phase and other.began < phase.ended and phase.began < other.ended
            )
        )
        left = min(left, 1000 - 4)
        return TimelinePhase(
            phase.name, phase.label, phase.began, phase.ended, phase.verdict, left, min(width, 1000 - left), parallel
        )

    return tuple(place(phase) for phase in phases)


def find_outages(evidence: Sequence[EvidenceRecord]) -> tuple[Outage, ...]:
    """Returns the time from the run that froze the applications to the gate that proved them serving."""
    periods: list[Outage] = []
    stopped: datetime | None = None
    for record in evidence:
        at = parse_moment(record.get("began"))
        if record.get("step") == "run" and read_traffic(record) == Traffic.FROZEN and stopped is None:
            stopped = at
        if record.get("gate") == SERVING.name and record.get("open") is True and stopped:
            periods.append(Outage(stopped, parse_moment(record.get("ended"))))
            stopped = None
    return (*periods, Outage(stopped, None)) if stopped else tuple(periods)


def measure_idle(runs_in_order: Sequence[TimelineRun]) -> timedelta:
    """Returns the time between the runs: people decide, or nobody is there."""
    return sum(
        (max(later.began - earlier.ended, timedelta()) for earlier, later in pairwise(runs_in_order)), timedelta()
    )
