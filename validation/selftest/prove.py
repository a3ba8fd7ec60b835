"""Damages a scratch database in every way that a file of defects knows, and sees what the checks find of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from validation.connect.query_runner import Budget, ask_all
from validation.connect.session import Unreachable, connect
from validation.connect.target import Target
from validation.expectations.model import Expectations
from validation.runner.result import ValidationReport
from validation.runner.run import RunOptions, run
from validation.schema import snapshot
from validation.schema.snapshot import SchemaSnapshot
from validation.selftest.defects import Defect
from validation.selftest.scratch import Scratch, ScratchError, open_scratch
from validation.verdict import Verdict

UNDAMAGED = "nothing damaged"
NOTHING = "nothing is reported"
SECONDS = 60.0


class DefectStatus(StrEnum):
    """What became of a defect: reported by the checks that must (FOUND), not by all of them (MISSED), not planted."""

    FOUND = "found"
    MISSED = "MISSED"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Suite:
    """What is proved: `sample` are SQL statements that fill an empty database with what the expectations expect."""

    sample: str
    expectations: Expectations
    defects: tuple[Defect, ...]
    restore_point: datetime | None = None


@dataclass(frozen=True)
class DefectOutcome:
    """A defect by its name, with what became of it, in a sentence."""

    defect: str
    proof: DefectStatus
    said: str


def prove(target: Target, suite: Suite, say: Callable[[DefectOutcome], None]) -> tuple[DefectOutcome, ...]:
    """Returns every defect with what became of it, each said as soon as it is known. Raises ScratchError.

    When something is reported on the undamaged database, that alone: checks that cry wolf prove nothing.
    """
    with open_scratch(target) as taken:
        taken.renew(suite.sample)
        schema = read_schema(target)
        first = prove_undamaged(_validate(target, suite, schema))
        say(first)
        outcomes = [first]
        for defect in suite.defects if first.proof is DefectStatus.FOUND else ():
            outcomes.append(_prove_one(taken, target, suite, schema, defect))
            say(outcomes[-1])
    return tuple(outcomes)


def read_schema(target: Target) -> SchemaSnapshot:
    """Returns the schema as it is now. Raises ScratchError when it can't be read."""
    try:
        session = connect(target)
    except Unreachable as error:
        raise ScratchError(f"{target}: {error}") from error
    try:
        return snapshot.read(ask_all(session, snapshot.build_questions(), Budget(SECONDS, time.monotonic() + SECONDS)))
    finally:
        session.close()


def prove_undamaged(report: ValidationReport) -> DefectOutcome:
    """Returns MISSED when the checks report anything of a database that wasn't damaged, otherwise FOUND."""
    reported = _names(report, Verdict.FAIL)
    if report.verdict is Verdict.PASS and not reported:
        return DefectOutcome(UNDAMAGED, DefectStatus.FOUND, NOTHING)
    reported = reported or _names(report, Verdict.INCONCLUSIVE)
    return DefectOutcome(UNDAMAGED, DefectStatus.MISSED, f"reported all the same: {', '.join(reported) or 'no rows'}")


def judge_defect(defect: Defect, report: ValidationReport) -> DefectOutcome:
    """Returns FOUND when every check named for it fails."""
    verdicts = {result.name: result for result in report.results}
    missed = [name for name in defect.found_by if name not in verdicts or verdicts[name].verdict is not Verdict.FAIL]
    if not missed:
        return DefectOutcome(defect.name, DefectStatus.FOUND, ", ".join(defect.found_by))
    said = (
        f"{name} is {verdicts[name].verdict}: {verdicts[name].found}"
        if name in verdicts
        else f"there is no check {name}"
        for name in missed
    )
    return DefectOutcome(defect.name, DefectStatus.MISSED, "; ".join(said))


def _prove_one(taken: Scratch, target: Target, suite: Suite, schema: SchemaSnapshot, defect: Defect) -> DefectOutcome:
    if defect.needs and not taken.superuser:
        return DefectOutcome(defect.name, DefectStatus.LEFT_OUT, "this login is no superuser")
    taken.renew(suite.sample)
    try:
        taken.run(defect.damage)
    except ScratchError as error:
        return DefectOutcome(defect.name, DefectStatus.MISSED, f"the damage could not be done: {error}")
    return judge_defect(defect, _validate(target, suite, schema))


def _validate(target: Target, suite: Suite, schema: SchemaSnapshot) -> ValidationReport:
    return run(target, suite.expectations, RunOptions(schema=schema, restore_point=suite.restore_point))


def _names(report: ValidationReport, verdict: Verdict) -> Sequence[str]:
    return [result.name for result in report.results if result.verdict is verdict]
