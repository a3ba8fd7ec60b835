"""What a person lets pass knowingly: a waiver's names, the command that sets one, and what none covers. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace

from restore.errors import Problem

NEVER = frozenset({"validated.proved", "switched.row", "renamed.holder", "renamed.unproved"})
"""What no waiver covers, by any name: a switch to a database of which no row was read, and one by name to a database
that doesn't have the name."""
NEVER_GATES = ("approved",)
"""Gates that no waiver covers: one by the person who runs the switch would take the second one's place."""
UNCOVERED = " (no waiver covers this)"
LONGEST = 200
"""Characters of a check's name that the key `waive` takes."""


def find_reason(subject: str, gate: str, waive: Mapping[str, str]) -> str | None:
    """Returns why a problem is let pass: given for its check (`validated.rows:users`), the check's family or its
    gate."""
    if not is_coverable(subject):
        return None
    return waive.get(subject) or waive.get(name_family(subject)) or waive.get(gate)


def is_coverable(subject: str) -> bool:
    """Tells whether a waiver can cover a problem of this name, or a gate."""
    return subject not in NEVER and subject.partition(".")[0] not in NEVER_GATES


def is_waived(check: str, waive: Mapping[str, str]) -> bool:
    """Tells whether something that preflight refuses is let pass: by its own name, and by no other."""
    return bool(waive.get(check))


def find_left_over(
    waive: Mapping[str, str], restore_id: str, earlier: Mapping[str, Mapping[str, str]]
) -> list[Problem]:
    """Returns the waivers that stand here word for word as in another restore that was never closed. `earlier`: by
    its id."""
    return [
        Problem(
            f"config waive.{name}",
            f"given for restore {other}: {why}",
            f"a waiver given for restore {restore_id}: it holds for one restore",
            f"{build_remove_command(name)}, or give the reason that holds now: {build_command(name)}",
        )
        for name, why in waive.items()
        for other, waivers in earlier.items()
        if waivers.get(name) == why
    ]


def name_family(subject: str) -> str:
    """Returns `validated.rows` of `validated.rows:users`."""
    return subject.partition(":")[0]


def build_command(subject: str) -> str:
    """Returns the command that sets a waiver, but for the reason."""
    name = subject if len(subject) <= LONGEST and subject.isprintable() else name_family(subject)
    return f'pulumi config set --plaintext --path {format_path(name)} "<reason>"'


def build_remove_command(name: str) -> str:
    """Returns the command that takes a waiver away."""
    return f"pulumi config rm --path {format_path(name)}"


def format_path(name: str) -> str:
    return shlex.quote(f"waive[{json.dumps(name, ensure_ascii=False)}]")


def add_command(problem: Problem, check: str = "") -> Problem:
    """Returns the problem, its fix saying how to go on without it, where a waiver can.

    `check`: the waiver's name, where that isn't the problem's subject.
    """
    if not is_coverable(problem.subject):
        return replace(problem, fix=f"{problem.fix.removesuffix(UNCOVERED)}{UNCOVERED}")
    waive = build_command(check or problem.subject)
    if waive in problem.fix:  # of a record that is told again
        return problem
    return replace(problem, fix=f"{problem.fix}; or, to go on knowing this: {waive}")
