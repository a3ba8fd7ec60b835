"""What killed runs left pending: cleared where the state is written anyway, never a reason to stay where one is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from restore.cli import rollback
from restore.errors import PermanentError
from restore.status.build import describe_pending_operations
from tests.support.worlds import restored

RECEIPT = "urn:pulumi:prod::restore::restore:index:Cutover$pulumi:index:Stash::switched-inc-1"
PATCH = "urn:pulumi:prod::restore::restore:index:Cutover$kubernetes:apps/v1:DeploymentPatch::api"
CANDIDATE = "urn:pulumi:prod::restore::restore:index:Restore$aws:rds/instance:Instance::candidate-inc-1"
STRANGE = "urn:pulumi:prod::restore::aws:s3/bucket:Bucket::archive"


class Stack:
    """A stack with operations pending; `locked`: its state can't be written."""

    def __init__(self, *urns: str, locked: bool = False) -> None:
        self.operations = [{"resource": {"urn": urn}, "type": "creating"} for urn in urns]
        self.locked = locked
        self.written: Mapping[str, Any] | None = None

    def export(self) -> dict[str, Any]:
        return {"version": 3, "deployment": {"pending_operations": self.operations, "resources": [{"urn": "kept"}]}}

    def replace_state(self, state: Mapping[str, Any]) -> None:
        if self.locked:
            raise PermanentError("the stack is currently locked by 1 lock(s)")
        self.written = state


def clear(stack: Stack) -> None:
    rollback.clear_pending(stack)  # pyright: ignore[reportArgumentType]


def test_a_way_back_after_kills_clears_what_is_no_database_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    stack = Stack(RECEIPT, RECEIPT, PATCH, CANDIDATE)
    clear(stack)
    assert stack.written
    assert stack.written["deployment"] == {"pending_operations": [], "resources": [{"urn": "kept"}]}
    assert "switched-inc-1 (2 times), api, candidate-inc-1" in capsys.readouterr().out


def test_a_state_that_cannot_be_written_does_not_hold_up_the_way_back(capsys: pytest.CaptureFixture[str]) -> None:
    clear(Stack(RECEIPT, locked=True))
    assert "currently locked" in capsys.readouterr().err


@pytest.mark.parametrize("urns", [(), (RECEIPT, STRANGE)])
def test_a_state_without_operations_or_with_strange_ones_is_not_touched(urns: tuple[str, ...]) -> None:
    stack = Stack(*urns)
    clear(stack)
    assert stack.written is None


def test_nobody_clears_by_hand_what_needs_no_clearing() -> None:
    lines = "\n".join(describe_pending_operations(Stack(RECEIPT, CANDIDATE).export(), restored()))
    assert "clear-pending-creates" not in lines
    assert "switched-inc-1" in lines
    assert "RDS has instance shop-inc-1" in lines
    assert "clear-pending-creates" in "\n".join(describe_pending_operations(Stack(STRANGE).export(), restored()))
    assert describe_pending_operations(Stack().export(), restored()) == ()
