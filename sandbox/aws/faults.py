"""Faults on demand: what AWS does now and then, done when a test asks.

kind              what happens                                          needs
throttle          the call is answered with Throttling, Rate exceeded   operation
error             the call is answered with `code` and `message`        operation, code
lost-answer       the call takes effect, its answer never arrives       operation
drop-connections  every client session of `instance` is ended           instance (at once), or operation
fail-restore      the restore ends in incompatible-restore              (operation)
slow-restore      the status creating of a restore lasts longer         (operation), seconds (default 60)
slow-copy         a copy of a snapshot takes `seconds`                  seconds (default 60)
slow-backing-up   the status backing-up lasts `seconds` longer          seconds (default 60)
slow-dns          the new name of a rename answers `seconds` later       (instance: the new name), seconds
storage-full      `instance` has no space left: writes fail             instance (at once), or a restore's operation
key-lost          RDS can't use the KMS key: `instance` is down         instance (at once); start-db-instance ends it
"""

from __future__ import annotations

import json
import threading
import urllib.request
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, cast

KINDS = frozenset(
    [
        *("throttle", "error", "lost-answer", "drop-connections", "fail-restore", "slow-backing-up", "storage-full"),
        *("key-lost", "slow-copy", "slow-dns", "slow-restore"),
    ]
)
NEED_OPERATION = frozenset({"throttle", "error", "lost-answer"})


@dataclass(frozen=True)
class Fault:
    """`times`: how often it happens; `after`: how many matching occasions pass first."""

    kind: str
    operation: str = ""
    instance: str = ""
    times: int = 1
    after: int = 0
    seconds: float = 60.0
    code: str = "InternalFailure"
    message: str = "An internal error has occurred. Please try your query again at a later time."

    @classmethod
    def parse(cls, body: bytes) -> Fault:
        """Raises ValueError for what it doesn't know."""
        content = json.loads(body or b"{}")
        if not isinstance(content, dict):
            raise ValueError("a fault is a JSON object")  # noqa: TRY004 - one error for all bad input
        keys = cast("dict[str, Any]", content)
        names = {f.name for f in fields(cls)}
        if unknown := sorted(keys.keys() - names):
            raise ValueError(f"unknown keys {unknown}; known are {sorted(names)}")
        fault = cls(**keys)
        if fault.kind not in KINDS:
            raise ValueError(f"unknown kind {fault.kind!r}; known are {sorted(KINDS)}")
        if fault.kind in NEED_OPERATION and not fault.operation:
            raise ValueError(f"{fault.kind} needs an operation")
        return fault

    @property
    def occasion(self) -> tuple[str, str, str]:
        return self.kind, self.operation, self.instance

    def matches(self, kind: str, operation: str, instance: str) -> bool:
        return (
            self.kind == kind
            and self.operation in ("", operation)
            and (not self.instance or not instance or self.instance == instance)
        )


class FaultQueue:
    """The faults that wait for their occasion; `generation` changes when all are cleared."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_faults: list[Fault] = []
        self.generation = 0

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._read_faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._read_faults.clear()
            self.generation += 1

    def remove(self, fault: Fault) -> None:
        """Forgets the faults of that kind, operation and instance; who lingers because of one goes on."""
        with self._lock:
            self._read_faults = [f for f in self._read_faults if f.occasion != fault.occasion]
            self.generation += 1

    def waiting(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._read_faults]

    def take(self, kind: str, operation: str = "", instance: str = "") -> Fault | None:
        """The fault for this occasion, if one is due; its count goes down."""
        with self._lock:
            for place, fault in enumerate(self._read_faults):
                if not fault.matches(kind, operation, instance):
                    continue
                due = fault.after <= 0
                left = fault.times - 1 if due else fault.times
                after = fault.after if due else fault.after - 1
                if left <= 0:
                    del self._read_faults[place]
                else:
                    self._read_faults[place] = replace(fault, times=left, after=after)
                return fault if due else None
        return None


class FaultClient:
    """Sets faults in a running sandbox; as a context manager it clears them at the end."""

    def __init__(self, endpoint: str) -> None:
        self._url = f"{endpoint}/_sandbox/faults"

    def __enter__(self) -> FaultClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def add(self, kind: str, operation: str = "", times: int = 1, **more: str | float) -> None:
        body = {"kind": kind, "operation": operation, "times": times, **more}
        _send("POST", self._url, json.dumps(body).encode())

    def remove(self, kind: str, operation: str = "", instance: str = "") -> None:
        """Forgets the faults of that kind, operation and instance."""
        body = {"kind": kind, "operation": operation, "instance": instance}
        _send("DELETE", self._url, json.dumps(body).encode())

    def clear(self) -> None:
        _send("DELETE", self._url)

    def waiting(self) -> list[dict[str, Any]]:
        return json.loads(_send("GET", self._url))["faults"]


def _send(method: str, url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()
