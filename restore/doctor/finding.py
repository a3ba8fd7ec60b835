"""What the doctor has to say, as values: one finding a line, ok or a problem with its fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from restore.errors import PermanentError, Problem, Refused, RestoreError

Value = TypeVar("Value")


class State(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Can't be known from here, or is only to be done in an incident: no problem of today."""
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, and what was found. `needed` and `fix` only of a problem or a note."""

    subject: str
    state: State
    found: str
    needed: str = ""
    fix: str = ""


def build_ok(what: str, found: str) -> Finding:
    """Builds the finding that nothing is wrong."""
    return Finding(what, State.OK, found)


def note(what: str, found: str) -> Finding:
    """Builds the finding of something worth knowing that stops nothing."""
    return Finding(what, State.NOTE, found)


def from_problem(problem: Problem, state: State = State.PROBLEM) -> Finding:
    """Builds the finding of a problem, with its fix."""
    return Finding(problem.subject, state, problem.found, problem.needed, problem.fix)


def from_error(what: str, error: RestoreError) -> list[Finding]:
    """Returns the problems of an error, or its text as one."""
    if isinstance(error, Refused):
        return [from_problem(problem) for problem in error.problems]
    if error.problem:
        return [from_problem(error.problem)]
    text, _, fix = str(error).partition("\n  fix: ")
    return [Finding(what, State.PROBLEM, text, "an answer", fix or 'docs/operate.md, "Trouble"')]


def look(what: str, at: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Returns what a look finds; an error of it is a finding too."""
    try:
        return list(at())
    except RestoreError as error:
        return from_error(what, error)
    except OSError as error:
        return from_error(what, PermanentError(f"{type(error).__name__}: {error}"))
