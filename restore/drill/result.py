"""What a drill has found, phase by phase, as JSON, as JUnit XML and as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from restore.errors import Problem, list_problems
from restore.units import format_duration, format_moment, format_precise_duration
from validation.runner.junit import Case, as_document
from validation.verdict import Verdict

STEP = "drill"
"""The name of a drill's record in the evidence."""
MARKS = {Verdict.PASS: "ok", Verdict.FAIL: "FAILED", Verdict.INCONCLUSIVE: "not run"}


@dataclass(frozen=True)
class Phase:
    """One part of a drill: how long it took, and what it found."""

    name: str
    verdict: Verdict
    found: str
    began: datetime
    seconds: float
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Drill:
    """Which drill it is: of which stack and source, from which recovery point."""

    id: str
    stack: str
    """Whose drill it is, by the name that its program knows."""
    source: str
    point: str = ""
    """The recovery point, as `pitr:2026-11-22T14:30:00Z`."""
    rpo_seconds: float | None = None
    """The age of the point's data when the drill began."""
    rto_target: float | None = None
    """Seconds; None where none is set."""
    rpo_target: float | None = None
    """The same, of the data's age."""

    @property
    def drill_stack(self) -> str:
        """The stack that the drill makes for itself, and whose evidence holds its records."""
        return f"{self.stack}-drill"


@dataclass(frozen=True)
class DrillResult:
    """A whole drill. `rto_seconds`: from the beginning of the restore until the copies answered; None if they never
    did."""

    drill: Drill
    began: datetime
    seconds: float
    phases: tuple[Phase, ...]
    rto_seconds: float | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for phase in self.phases for problem in phase.problems)

    @property
    def passed(self) -> bool:
        """Whether every phase ran and passed."""
        return bool(self.phases) and all(phase.verdict is Verdict.PASS for phase in self.phases)


def judge_targets(drill: Drill, rto_seconds: float | None) -> list[Problem]:
    """Returns the targets that are missed. One that could not be measured is missed."""
    fix = 'docs/drill.md, "Targets that are missed"'
    problems: list[Problem] = []
    if is_missed(rto_seconds, drill.rto_target):
        needed = f"at most {_say_target(drill.rto_target)} until the copies answer (targets.rto)"
        problems.append(Problem("drill.rto", _say_measured(rto_seconds), needed, fix))
    if is_missed(drill.rpo_seconds, drill.rpo_target):
        needed = f"data that is at most {_say_target(drill.rpo_target)} old (targets.rpo)"
        problems.append(Problem("drill.rpo", _say_measured(drill.rpo_seconds), needed, fix))
    return problems


def is_missed(seconds: float | None, target: float | None) -> bool:
    """Tells whether there is a target, in seconds, and it is missed; what wasn't measured misses it."""
    return target is not None and (seconds is None or seconds > target)


def _say_measured(seconds: float | None) -> str:
    return "not measured: the drill did not get so far" if seconds is None else say_seconds(seconds)


def _say_target(target: float | None) -> str:
    return say_seconds(target or 0.0)


def say_seconds(seconds: float) -> str:
    return format_precise_duration(timedelta(seconds=seconds))


def as_json(result: DrillResult) -> dict[str, Any]:
    """Returns the result as JSON values: the record in the evidence, and what --json prints."""
    drill = result.drill
    return {
        "passed": result.passed,
        "of_stack": drill.stack,
        "drill": drill.id,
        "source": drill.source,
        "recovery_point": drill.point or None,
        "began": result.began.isoformat(),
        "ended": (result.began + timedelta(seconds=result.seconds)).isoformat(),
        "seconds": round(result.seconds, 3),
        "rto_seconds": _round(result.rto_seconds),
        "rto_target": drill.rto_target,
        "rpo_seconds": _round(drill.rpo_seconds),
        "rpo_target": drill.rpo_target,
        "phases": [_describe(phase) for phase in result.phases],
    }


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _describe(phase: Phase) -> dict[str, Any]:
    return {
        "name": phase.name,
        "verdict": str(phase.verdict),
        "found": phase.found,
        "began": phase.began.isoformat(),
        "seconds": round(phase.seconds, 3),
        "problems": [
            {"subject": item.subject, "found": item.found, "needed": item.needed, "fix": item.fix}
            for item in phase.problems
        ],
        "facts": dict(phase.facts),
    }


def as_junit(result: DrillResult) -> bytes:
    """Returns the result as JUnit XML: one testcase a phase."""
    drill = result.drill
    properties = {"stack": drill.stack, "drill": drill.id, "source": drill.source, "recovery point": drill.point}
    cases = [
        Case(STEP, phase.name, phase.seconds, phase.verdict, phase.found, list_problems(phase.problems))
        for phase in result.phases
    ]
    return as_document(STEP, result.seconds, result.began, properties, cases)


def render(result: DrillResult) -> str:
    """Returns the result for a terminal: a line a phase, then what is wrong, then the targets."""
    drill = result.drill
    width = max((len(phase.name) for phase in result.phases), default=0)
    lines = [f"drill {drill.id} of stack {drill.stack}, from {drill.point or 'no recovery point'}"]
    lines += [
        f"  {phase.name:<{width}}  {MARKS[phase.verdict]:<7}  {say_seconds(phase.seconds):>9}  {phase.found}"
        for phase in result.phases
    ]
    lines += [_render_target("recovery time", result.rto_seconds, drill.rto_target)]
    lines += [_render_target("data lost", drill.rpo_seconds, drill.rpo_target)]
    if result.problems:
        lines += ["", list_problems(result.problems)]
    word = "passed" if result.passed else "FAILED"
    return "\n".join([*lines, "", f"drill {word} at {format_moment(result.began + timedelta(seconds=result.seconds))}"])


def _render_target(what: str, seconds: float | None, target: float | None) -> str:
    value = "not measured" if seconds is None else say_seconds(seconds)
    aim = f"target {format_duration(timedelta(seconds=target))}" if target is not None else "no target set"
    return f"  {what}: {value} ({aim})"
