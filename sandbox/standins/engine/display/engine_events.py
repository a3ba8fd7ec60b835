"""Engine events: what the Automation API and `--event-log` read, in the Pulumi CLI's JSON."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sandbox.standins.engine.deployment.goals import Step
from sandbox.standins.engine.property_values import Props, Value, redact
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.urns import type_of

STATE_KEYS = (
    "type",
    "urn",
    "custom",
    "delete",
    "id",
    "parent",
    "protect",
    "external",
    "retainOnDelete",
    "inputs",
    "outputs",
    "provider",
    "initErrors",
)
EMPTY: Props = {"id": "", "parent": "", "provider": "", "inputs": {}, "outputs": {}}
TCP = "tcp://"
CLOSE_SECONDS = 5.0


class Sink(Protocol):
    def write(self, line: str) -> None: ...
    def close(self) -> None: ...


class NoSink:
    def write(self, line: str) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """Nothing was opened."""


class FileSink:
    """`--event-log FILE`: a line of JSON each."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")

    def write(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class StreamSink:
    """`--event-log tcp://host:port`: a listening Automation API."""

    def __init__(self, address: str) -> None:
        import grpc
        from pulumi.runtime.proto import events_pb2, events_pb2_grpc

        from sandbox.standins.engine.providers import wire

        self._error = grpc.RpcError
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        requests = (events_pb2.EventRequest(event=line) for line in iter(self._lines.get, None))
        stub: Any = events_pb2_grpc.EventsStub(grpc.insecure_channel(address, wire.CHANNEL))
        self._call = stub.StreamEvents.future(requests)

    def write(self, line: str) -> None:
        self._lines.put(line)

    def close(self) -> None:
        self._lines.put(None)
        with contextlib.suppress(self._error):
            self._call.result(timeout=CLOSE_SECONDS)


def sink(where: str) -> Sink:
    if where.startswith(TCP):
        return StreamSink(where.removeprefix(TCP))
    return FileSink(Path(where)) if where else NoSink()


class Events:
    """The events of one operation, numbered. `aloud`: also on stdout, a line each (`up --json`)."""

    def __init__(self, where: str, show_secrets: bool, *, aloud: bool = False) -> None:
        self._sink, self._show_secrets, self._aloud = sink(where), show_secrets, aloud
        self._mutex, self._number = threading.Lock(), 0

    def send(self, kind: str, body: Mapping[str, Value]) -> None:
        with self._mutex:
            line = json.dumps({"sequence": self._number, "timestamp": int(time.time()), kind: body})
            self._sink.write(line)
            if self._aloud:
                print(line, flush=True)
            self._number += 1

    def close(self) -> None:
        self.send("cancelEvent", {})
        self._sink.close()

    def step(self, kind: str, step: Step, op: str = "", **more: Value) -> None:
        diff = {"diffs": sorted(step.diff.keys), "keys": sorted(step.diff.replaces)}
        metadata: Props = {
            "op": op or step.op,
            "urn": step.urn,
            "type": type_of(step.urn),
            "old": self._state(step.old),
            "new": self._state(step.new),
            "detailedDiff": step.diff.detailed or None,
            "logical": step.logical,
            "provider": step.resource.provider,
            **{key: [*keys] for key, keys in diff.items() if keys},
        }
        self.send(kind, {"metadata": metadata, **more})

    def _state(self, resource: Resource | None) -> Value:
        if not resource:
            return None
        held = {**EMPTY, **resource.to_json()}
        return {key: redact(held[key], self._show_secrets) for key in STATE_KEYS if key in held}
