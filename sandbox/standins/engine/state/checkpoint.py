"""The resources during an operation, written to the checkpoint with every step."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from sandbox.standins.engine.property_values import Props, Value, as_object
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.state.stack import Stack


@dataclass(frozen=True)
class Pending:
    """An operation that was begun and not seen to end: `creating`, `updating`, ..."""

    type: str
    resource: Resource

    def to_json(self) -> Props:
        return {"resource": self.resource.to_json(), "type": self.type}


def read_pending(stack: Stack) -> list[Pending]:
    operations = cast(list[Value], stack.crypter.opened(stack.load().get("pending_operations") or []))
    pairs = [(as_object(p), as_object(as_object(p).get("resource"))) for p in operations]
    return [Pending(str(pending.get("type")), Resource.from_json(resource)) for pending, resource in pairs]


class Checkpoint:
    """New states, then old states not yet dealt with.

    Every change is on disk before the step that made it is reported as done, and an operation is on disk as
    pending before the provider hears of it.
    """

    def __init__(self, stack: Stack, dry_run: bool) -> None:
        self._stack, self.dry_run = stack, dry_run
        self.old = stack.resources()
        self.pending = read_pending(stack)
        self.new: list[Resource] = []
        self.renamed: dict[str, str] = {}
        """Old URN: new URN, of resources found by an alias."""
        self._metadata = stack.load().get("metadata") or {}
        self._finished: set[int] = set()
        self._operations: dict[int, Pending] = {}
        self.mutex = threading.RLock()

    def resources(self) -> list[Resource]:
        return [r for r in self.new + self.old if id(r) not in self._finished]

    def begin(self, kind: str, resource: Resource) -> None:
        with self.mutex:
            self._operations[id(resource)] = Pending(kind, resource.copy())
            self.write()

    def end(
        self,
        resource: Resource,
        finished: Iterable[Resource] = (),
        added: Iterable[Resource] = (),
        write: bool = True,
    ) -> None:
        with self.mutex:
            self._operations.pop(id(resource), None)
            self._finished.update(map(id, finished))
            self.new.extend(added)
            if write:
                self.write()

    def write(self) -> None:
        if self.dry_run:
            return
        with self.mutex:
            lasting = [p for p in self.pending if p.type == "creating"]
            pending: list[Value] = [p.to_json() for p in (*self._operations.values(), *lasting)]
            document: Props = {"resources": [self._current(r) for r in self.resources()], "metadata": self._metadata}
            if pending:
                document["pending_operations"] = pending
            self._stack.save(document)

    def _current(self, resource: Resource) -> Value:
        """The state with what it refers to by the URNs of now."""
        if not self.renamed:
            return resource.to_json()
        shown = resource.copy()
        shown.parent = self._now(shown.parent)
        shown.deleted_with = self._now(shown.deleted_with)
        shown.dependencies = [self._now(u) for u in shown.dependencies]
        shown.property_dependencies = {k: [self._now(u) for u in v] for k, v in shown.property_dependencies.items()}
        urn, _, identity = shown.provider.rpartition("::")
        shown.provider = f"{self._now(urn)}::{identity}" if urn else ""
        return shown.to_json()

    def _now(self, urn: str) -> str:
        return self.renamed.get(urn, urn)
