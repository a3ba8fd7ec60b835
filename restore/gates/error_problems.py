"""An error becomes a gate's problem: its name, what was found, what is needed, and the way out before the next `up`."""

from __future__ import annotations

from restore.errors import Problem, RestoreError
from restore.model.rds import Instance
from restore.model.rds_status import BROKEN, describe_way_out

RERUN = "pulumi up"


def build_error_problem(subject: str, error: BaseException, needed: str) -> Problem:
    """Returns the problem `subject`: what the error found, and its own way out."""
    problem = error.problem if isinstance(error, RestoreError) else None
    if problem:
        return Problem(subject, f"{problem.subject}: {problem.found}", needed, f"{problem.fix}; {RERUN}")
    text = str(error).strip() if isinstance(error, RestoreError) else f"{type(error).__name__}: {error}".rstrip(": ")
    return Problem(subject, text or type(error).__name__, needed, RERUN)


def build_unproved(gate: str, error: BaseException) -> Problem:
    """Returns the problem `<gate>.unproved`: the gate's work ended with an error."""
    problem = error.problem if isinstance(error, RestoreError) else None
    return build_error_problem(f"{gate}.unproved", error, problem.needed if problem else "a gate that runs to its end")


def build_unreachable(gate: str, instance: Instance, error: RestoreError) -> Problem:
    """Returns the problem `<gate>.unreachable`: a database that can't be asked, what RDS says of it, and the way
    out."""
    problem = error.problem
    found = f"{instance.identifier} (status {instance.status}) can't be asked: {problem.found if problem else error}"
    fix = problem.fix if problem else RERUN
    if instance.status in BROKEN:
        fix = f"{describe_way_out(instance.status, instance.identifier)}; {RERUN}"
    return Problem(f"{gate}.unreachable", found, "an answer: who is connected, and whether anything is written", fix)
