"""What keeps databases and snapshots from being deleted or replaced."""

from __future__ import annotations

import pulumi

from restore.errors import GateClosed
from restore.program.timing_hooks import Phase

LONG = pulumi.CustomTimeouts(create="24h", update="12h", delete="4h")
"""The provider's 40 minutes orphan a large restore: its id is known to the state only after that wait."""


def refuse_delete(_args: pulumi.ResourceHookArgs) -> None:
    raise GateClosed(
        "this program never deletes or replaces a database or its snapshots; nothing was deleted\n"
        "  fix: to leave a restore behind: python -m restore close (the databases stay)"
    )


def protected(name: str, phase: Phase) -> pulumi.ResourceHookBinding:
    """`before_delete` runs before any Delete, also in a delete-first replace and in `destroy --run-program`."""
    return phase.hooks(pulumi.ResourceHook(f"never-delete-{name}", refuse_delete))
