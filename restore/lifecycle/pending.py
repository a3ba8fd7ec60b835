"""Operations that a killed run left pending in the stack's state: what they were, and whether anything came of them.

The engine carries a pending creation along through every later update and asks a person to decide (pulumi/pulumi,
pkg/backend/snapshot.go): no program can clear one during `pulumi up`. `close` and `rollback` write the state outside of
an update, as `pulumi stack import` does, which drops them all (pulumi/pulumi, pkg/cmd/pulumi/stack/stack_import.go).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from restore.errors import Problem
from restore.model.inventory import Inventory

INSTANCE, SNAPSHOT = "aws:rds/instance:Instance", "aws:rds/snapshot:Snapshot"
STASH, ACCEPTED = "pulumi:index:Stash", "accepted-"
WITHOUT_OBJECT = ("pulumi:", "restore:", "kubernetes:")
"""Types of which a creation makes nothing new: receipts (pulumi:index:Stash), components, providers, and patches of
objects that are there before and after."""
CLEAR_PENDING = "pulumi refresh --clear-pending-creates --yes --target '**pulumi:pulumi:Stack::**'"
"""Clears what a killed run left pending, and refreshes no more than the stack itself: a refresh of all would have the
next `up` undo what an autoscaler has set since."""


@dataclass(frozen=True)
class PendingOperation:
    """`kind`: creating, updating, deleting, ..."""

    name: str
    type: str
    kind: str

    @property
    def object_type(self) -> str:
        """The type of what it may have made: a restore is asked of RDS by the receipt that it was accepted."""
        return INSTANCE if self.name.startswith(ACCEPTED) and self.type == STASH else self.type

    @property
    def makes_nothing(self) -> bool:
        return self.object_type.startswith(WITHOUT_OBJECT)


def read_pending(state: Mapping[str, Any]) -> tuple[PendingOperation, ...]:
    """Returns the operations of a state as `pulumi stack export` gives it."""
    operations = cast("list[dict[str, Any]]", state["deployment"].get("pending_operations") or [])
    return tuple(parse(operation) for operation in operations)


def parse(operation: Mapping[str, Any]) -> PendingOperation:
    """Reads one operation; its type stands in the URN after those of the parents: ...::project::parent$type::name."""
    qualified, _, name = str(operation["resource"]["urn"]).rpartition("::")
    return PendingOperation(name, qualified.rpartition("::")[2].rpartition("$")[2], str(operation["type"]))


def remove_pending(state: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the state without pending operations, as `pulumi stack import` would leave it; all else of it stays."""
    return {**state, "deployment": {**state["deployment"], "pending_operations": []}}


def list_names(pending: Sequence[PendingOperation]) -> list[str]:
    """Returns each name once, with how often it is pending: every killed run leaves one of its own."""
    counted = Counter(operation.name for operation in pending)
    return [f"{name} ({count} times)" if count > 1 else name for name, count in counted.items()]


def list_unknown_problems(pending: Sequence[PendingOperation]) -> list[Problem]:
    """Returns the problem of operations on types of which nobody here can say whether anything exists."""
    known = (INSTANCE, SNAPSHOT)
    names = sorted({item.name for item in pending if not item.makes_nothing and item.object_type not in known})
    if not names:
        return []
    fix = f"{CLEAR_PENDING}; pulumi up; python -m restore close"
    found = f"operations pending: {', '.join(names)}"
    return [Problem("stack state", found, "a state that knows what exists", fix)]


def describe_harmless(pending: Sequence[PendingOperation]) -> list[str]:
    """Returns one line for all of which nothing exists outside of the state; none without such."""
    names = ", ".join(list_names([operation for operation in pending if operation.makes_nothing]))
    return [f"left pending by a killed run, and nothing exists of it elsewhere: {names}"] if names else []


def describe_in_aws(pending: Sequence[PendingOperation], inventory: Inventory) -> list[str]:
    """Returns a line for each database or snapshot: what RDS has of it, by its name. Nothing is made or deleted."""
    candidate, snapshot = inventory.candidate, inventory.safety_snapshot
    exists = {
        INSTANCE: f"instance {candidate.identifier} ({candidate.resource_id})" if candidate else "",
        SNAPSHOT: f"snapshot {snapshot.identifier}" if snapshot else "",
    }
    names = dict.fromkeys((item.name, item.object_type) for item in pending if item.object_type in exists)
    return [
        f"left pending by a killed run: {name}: RDS has {exists[type_]}, and it stays"
        if exists[type_]
        else f"left pending by a killed run: {name}: RDS has nothing of that name"
        for name, type_ in names
    ]
