"""Where gate `validated` keeps what it has read of a candidate: in the evidence store, by DbiResourceId. A run after
one that was cut off doesn't read it again."""

from __future__ import annotations

from dataclasses import dataclass

from restore.errors import RestoreError
from restore.gates.context import GateContext
from restore.gates.hook import Watch


@dataclass(frozen=True)
class GateAnswers:
    """The answers of one instance; a store that doesn't work costs time and no proof, so it is only told."""

    context: GateContext
    watch: Watch
    resource_id: str

    def read(self) -> bytes | None:
        """Returns what an earlier run kept; None where it can't be had."""
        plan = self.context.plan
        try:
            return self.context.store.read_answers(plan.stack, plan.id, self.resource_id)
        except RestoreError as error:
            self.watch.say(f"what was read before can't be had, and is read again: {error}")
            return None

    def write(self, content: bytes) -> None:
        """Takes the place of what was kept before."""
        plan = self.context.plan
        try:
            self.context.store.write_answers(plan.stack, plan.id, self.resource_id, content)
        except RestoreError as error:
            self.watch.say(f"what was read can't be kept for a later run: {error}")
