"""What keeps databases and snapshots from being deleted or replaced."""

from __future__ import annotations

import pulumi

from restore.errors import GateClosed
from restore.program.timing_hooks import Record, make_timing_hooks

LONG = pulumi.CustomTimeouts(create="24h", update="12h", delete="4h")
"""The provider's 40 minutes orphan a large restore: its id is known to the state only after that wait."""


def refuse_delete(_args: pulumi.ResourceHookArgs) -> None:
    """Raises GateClosed: the hook before any deletion of a database or snapshot."""
    raise GateClosed(
        "this program never deletes or replaces a database or its snapshots; nothing was deleted\n"
        "  fix: to leave a restore behind: python -m restore close (the databases stay)"
    )


def bind_refusal(identifier: str) -> pulumi.ResourceHookBinding:
    """Returns the hooks of a database that something else makes and times: its deletion is refused.

    `before_delete` runs before any Delete, also in a delete-first replace and in `destroy --run-program`.
    """
    return pulumi.ResourceHookBinding(before_delete=[pulumi.ResourceHook(f"never-delete-{identifier}", refuse_delete)])


def bind_hooks(step: str, identifier: str, record: Record) -> pulumi.ResourceHookBinding:
    """Returns the hooks of a database or snapshot that the plugin makes: its creation is timed, deletion refused."""
    begins, ends = make_timing_hooks(step, identifier, record)
    refusal = bind_refusal(identifier).before_delete
    return pulumi.ResourceHookBinding(before_create=[begins], after_create=[ends], before_delete=refusal)
