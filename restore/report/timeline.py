"""Where the time went: the phases of each run of the program, and what ran beside what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from restore.model.gates import GATES, QUIESCED, SERVING, SWITCHED
from restore.model.request import Traffic
from restore.report.untrusted import Record, attempts, mapping, moment, of_step, text
from restore.report.verdict import BEGINNING, GateState, traffic_of
from restore.units import measured
from validation.verdict import Verdict

RESOURCES = {"candidate": "RDS makes the candidate", "safety-snapshot": "RDS takes the safety snapshot"}
"""What AWS does for long, by the step of its records."""
LABELS = RESOURCES | {gate.name: gate.does for gate in GATES}


@dataclass(frozen=True)
class Phase:
    """Something that took time. `left` and `width` are its place in its run, in thousandths."""

    name: str
    label: str
    began: datetime
    ended: datetime
    verdict: str
    """PASS, FAIL or INCONCLUSIVE of a gate; empty for what is none; `unfinished` where no end is recorded."""
    left: int = 0
    width: int = 0
    beside: tuple[str, ...] = ()
    """Labels of the phases that ran at the same time for a while."""

    @property
    def when(self) -> str:
        """For who can't see the bars, and who points at one."""
        beside = f", beside: {'; '.join(self.beside)}" if self.beside else ""
        return f"{self.began:%H:%M:%S} to {self.ended:%H:%M:%S} UTC{beside}"

    @property
    def duration(self) -> str:
        return "no end recorded" if self.verdict == "unfinished" else measured(self.ended - self.began)


@dataclass(frozen=True)
class Run:
    """One run of the program with what happened in it."""

    number: int
    began: datetime
    ended: datetime
    traffic: str
    found_traffic: str
    who: str
    phases: tuple[Phase, ...]

    @property
    def duration(self) -> str:
        return measured(self.ended - self.began)

    @property
    def overlap(self) -> str:
        """How much work was done beside other work, in words; empty when nothing was."""
        work = sum((one.ended - one.began for one in self.phases), timedelta())
        saved = work - self.busy
        return f"{measured(work)} of work in {measured(self.busy)}" if saved > timedelta(seconds=1) else ""

    @property
    def busy(self) -> timedelta:
        """The time in which at least one phase was at work."""
        total, until = timedelta(), BEGINNING
        for one in self.phases:
            total += max(one.ended - max(one.began, until), timedelta())
            until = max(until, one.ended)
        return total


@dataclass(frozen=True)
class Outage:
    """Applications stopped by this restore; `ended` is None while they are."""

    began: datetime
    ended: datetime | None


def runs(found: Sequence[Record]) -> tuple[Run, ...]:
    """Every run in order. What was recorded before the first run (none should) is left out of the timeline."""
    starts = [(one, began) for one in of_step(found, "run") if (began := moment(one.get("began")))]
    ends = [*(began for _, began in starts), None][1:]
    made: list[Run] = []
    for number, ((record, began), until) in enumerate(zip(starts, ends, strict=False), 1):
        inside = [one for one in found if within(one, began, until)]
        made.append(one_run(number, record, began, phases(record, began, inside)))
    return tuple(made)


def within(record: Record, began: datetime, until: datetime | None) -> bool:
    at = moment(record.get("began"))
    return record.get("step") != "run" and at is not None and at >= began and (until is None or at < until)


def one_run(number: int, record: Record, began: datetime, found: Sequence[Phase]) -> Run:
    plan = mapping(record.get("plan"))
    ended = max((one.ended for one in found), default=began)
    return Run(
        number=number,
        began=began,
        ended=ended,
        traffic=traffic_of(record),
        found_traffic=text(plan.get("found_traffic")) or "half-way",
        who=text(mapping(record.get("operator")).get("user")) or "not known",
        phases=placed(found, began, ended),
    )


def phases(run: Record, began: datetime, inside: Sequence[Record]) -> list[Phase]:
    """Gates and resources of a run as recorded, and what the applications' resources took between the gates."""
    times = (moment(one.get(name)) for one in inside for name in ("began", "ended"))
    last = max((at for at in times if at), default=began)
    made = [gate_phase(one) for one in attempts(inside)]
    made += [one for name in RESOURCES for one in resource_phase(name, inside, last)]
    made = [one for one in made if one.began >= began]
    made += between(run, began, made)
    return sorted(made, key=lambda one: (one.began, one.ended))


def gate_phase(record: Record) -> Phase:
    name = text(record.get("gate"))
    began = moment(record.get("began")) or BEGINNING
    ended = moment(record.get("ended")) or began
    return Phase(name, LABELS.get(name, name), began, max(began, ended), str(GateState(name, record).verdict))


def resource_phase(name: str, inside: Sequence[Record], last: datetime) -> Iterable[Phase]:
    """From the records of its beginning and its end; up to the last thing known where the end is missing."""
    found = list(of_step(inside, name))
    began = next((at for one in found if (at := moment(one.get("began")))), None)
    if began is None:
        return
    ended = next((at for one in found if (at := moment(one.get("ended")))), None)
    yield Phase(name, LABELS[name], began, ended or max(began, last), "" if ended else "unfinished")


def between(run: Record, began: datetime, found: Sequence[Phase]) -> list[Phase]:
    """The time that the applications' resources took: no hook measures it, the gates around them do."""
    gates = {one.name: one for one in found}
    made: list[Phase] = []
    if traffic_of(run) == Traffic.FROZEN and QUIESCED.name in gates:
        made.append(Phase("look", "look, plan, Deployments to 0", began, gates[QUIESCED.name].began, ""))
    elif found:
        made.append(Phase("look", "look and plan", began, min(one.began for one in found), ""))
    if {SWITCHED.name, SERVING.name} <= gates.keys() and gates[SWITCHED.name].verdict == Verdict.PASS:
        label = "secret switched, Deployments resume"
        made.append(Phase("resume", label, gates[SWITCHED.name].ended, gates[SERVING.name].began, ""))
    return [one for one in made if one.ended >= one.began]


def placed(found: Sequence[Phase], began: datetime, ended: datetime) -> tuple[Phase, ...]:
    """The phases with their places on the run's own scale, and the names of those beside them."""
    whole = max((ended - began).total_seconds(), 0.001)

    def place(one: Phase) -> Phase:
        left = round((one.began - began).total_seconds() / whole * 1000)
        width = max(round((one.ended - one.began).total_seconds() / whole * 1000), 4)
        beside = tuple(
            dict.fromkeys(
                other.label
                for other in found
                if other is not one and other.began < one.ended and one.began < other.ended
            )
        )
        left = min(left, 1000 - 4)
        return Phase(one.name, one.label, one.began, one.ended, one.verdict, left, min(width, 1000 - left), beside)

    return tuple(place(one) for one in found)


def outages(found: Sequence[Record]) -> tuple[Outage, ...]:
    """From the run that froze the applications to the gate that proved them serving."""
    made: list[Outage] = []
    stopped: datetime | None = None
    for one in found:
        at = moment(one.get("began"))
        if one.get("step") == "run" and traffic_of(one) == Traffic.FROZEN and stopped is None:
            stopped = at
        if one.get("gate") == SERVING.name and one.get("open") is True and stopped:
            made.append(Outage(stopped, moment(one.get("ended"))))
            stopped = None
    return (*made, Outage(stopped, None)) if stopped else tuple(made)


def idle(found: Sequence[Run]) -> timedelta:
    """The time between the runs: people decide, or nobody is there."""
    return sum((max(later.began - one.ended, timedelta()) for one, later in pairwise(found)), timedelta())
