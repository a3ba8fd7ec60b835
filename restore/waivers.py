"""What a person lets pass knowingly: a waiver's names, the command that sets one, and what none covers. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace

from restore.errors import Problem

NEVER = frozenset({"validated.proved", "switched.row"})
"""What no waiver covers, by any name: a switch to a database of which no row was read."""
UNCOVERED = " (no waiver covers this)"
LONGEST = 200
"""Characters of a check's name that the key `waive` takes."""


def reason(subject: str, gate: str, waive: Mapping[str, str]) -> str | None:
    """Why a problem is let pass: given for its check (`validated.rows:users`), the check's family or its gate."""
    if subject in NEVER:
        return None
    return waive.get(subject) or waive.get(family(subject)) or waive.get(gate)


def family(subject: str) -> str:
    """`validated.rows` of `validated.rows:users`."""
    return subject.partition(":")[0]


def command(subject: str) -> str:
    """The command that sets a waiver, but for the reason."""
    name = subject if len(subject) <= LONGEST and subject.isprintable() else family(subject)
    return f'pulumi config set --path {shlex.quote(f"waive[{json.dumps(name, ensure_ascii=False)}]")} "<reason>"'


def with_command(problem: Problem) -> Problem:
    """The problem, its fix saying how to go on without it, where a waiver can."""
    if problem.subject in NEVER:
        return replace(problem, fix=f"{problem.fix.removesuffix(UNCOVERED)}{UNCOVERED}")
    waive = command(problem.subject)
    if waive in problem.fix:  # of a record that is told again
        return problem
    return replace(problem, fix=f"{problem.fix}; or, to go on knowing this: {waive}")
