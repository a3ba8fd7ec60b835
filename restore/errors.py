"""What can go wrong, in two kinds: permanent (somebody must act) and temporary (trying again may help).

Adapters translate their client library's errors into these, once, with `raise ... from`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from validation.problems import Problem, list_problems

__all__ = [
    "GateClosed",
    "PermanentError",
    "Problem",
    "Refused",
    "RestoreError",
    "TemporaryError",
    "list_problems",
]


class RestoreError(Exception):
    """Base of all errors of this program; its text is never empty."""

    problem: Problem | None = None
    """The same as found, needed and fix, where the one who raised it knows them."""

    @classmethod
    def of(cls, problem: Problem) -> Self:
        error = cls(str(problem))
        error.problem = problem
        return error

    def __str__(self) -> str:
        return super().__str__() or type(self).__name__


class PermanentError(RestoreError):
    """Trying again without a change can't help."""


class TemporaryError(RestoreError):
    """The same call may succeed later: throttling, a lost connection, a state that is about to end."""


class Refused(PermanentError):
    """Bad input, or a state of the world in which going on would do harm. Nothing was touched."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problems" if len(self.problems) > 1 else "1 problem"
        super().__init__(f"refused, nothing was touched ({count}):\n{list_problems(self.problems)}")


class GateClosed(PermanentError):
    """A gate's proof failed, could not be had, or proved nothing."""
