"""One drill of a stack at a time: a Lease in the scratch namespace, renewed while the drill runs.

A drill deletes what earlier ones left; without it, it would delete what another one still works with.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

from restore.errors import PermanentError, Problem, RestoreError
from restore.kubernetes import Api
from restore.kubernetes.api import Conflict, JsonBody

NAME = "restore-drill"
SECONDS = 120
"""How long a Lease counts that nobody renews: its drill was killed."""
RENEW_SECONDS = 30.0
LOOK_SECONDS = 40.0
"""How long a Lease that seems to have run out must stay as it is: the clock of who renews it may be minutes behind this
machine's (client-go, tools/leaderelection: clocks are compared with nobody's)."""
MICRO = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Kubernetes' MicroTime."""


@dataclass
class DrillLease:
    """The Lease of a scratch namespace. Methods raise RestoreError."""

    api: Api
    namespace: str
    holder: str
    """Who runs the drill, from where."""
    acquired: str = ""
    """When this drill took it: another drill may have the same holder."""
    pause: Callable[[float], object] = time.sleep
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def hold(self) -> Generator[None]:
        """Holds the Lease for as long as the `with` lasts. Raises PermanentError while another drill runs."""
        self._acquire(datetime.now(UTC))
        thread = threading.Thread(target=self._renew, name="drill-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(RENEW_SECONDS)
            with suppress(RestoreError):  # it runs out by itself
                if self._read_own():
                    self.api.delete(self._path)

    @property
    def _list(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{quote(self.namespace)}/leases"

    @property
    def _path(self) -> str:
        return f"{self._list}/{NAME}"

    def _acquire(self, now: datetime) -> None:
        held = self.api.get(self._path)
        if held and (is_held(held, now) or self._is_renewed(held)):
            raise PermanentError.of(describe_other(held))
        spec = self._describe(now)
        try:
            if held is None:
                body = {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": NAME},
                    "spec": spec,
                }
                self.api.create(self._list, body)
            else:  # the resourceVersion: another drill may take it over at the same moment
                metadata = {"resourceVersion": held["metadata"]["resourceVersion"]}
                self.api.patch(self._path, {"metadata": metadata, "spec": spec}, "merge")
        except Conflict as error:
            raise PermanentError.of(describe_other(held or {})) from error

    def _is_renewed(self, held: JsonBody) -> bool:
        """Looks twice at a Lease that somebody never gave back: whoever runs renews it meanwhile."""
        if not cast("dict[str, Any]", held.get("spec") or {}).get("holderIdentity"):
            return False
        self.pause(LOOK_SECONDS)
        later = self.api.get(self._path)
        return later is not None and later["metadata"].get("resourceVersion") != held["metadata"].get("resourceVersion")

    def _describe(self, now: datetime) -> JsonBody:
        moment = self.acquired = f"{now:{MICRO}}"
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": SECONDS,
            "acquireTime": moment,
            "renewTime": moment,
        }

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            with suppress(RestoreError):  # tried again long before it runs out
                self.renew(datetime.now(UTC))

    def renew(self, now: datetime) -> None:
        """Renews it, unless another drill has taken it over: this machine was asleep then."""
        if held := self._read_own():
            metadata = {"resourceVersion": held["metadata"].get("resourceVersion")}
            self.api.patch(self._path, {"metadata": metadata, "spec": {"renewTime": f"{now:{MICRO}}"}}, "merge")

    def is_own(self) -> bool:
        """Tells whether this drill still holds it: another one may have taken it over while this machine slept."""
        return self._read_own() is not None

    def _read_own(self) -> JsonBody | None:
        """Returns the Lease as it is; None where it is gone or another drill's."""
        held = self.api.get(self._path)
        spec = cast("dict[str, Any]", (held or {}).get("spec") or {})
        own = (self.holder, self.acquired)
        return held if (spec.get("holderIdentity"), spec.get("acquireTime")) == own else None


def is_held(lease: JsonBody, now: datetime) -> bool:
    """Tells whether a drill that still runs holds the Lease. Pure."""
    spec = cast("dict[str, Any]", lease.get("spec") or {})
    if not spec.get("holderIdentity") or not spec.get("renewTime"):
        return False
    renewed = datetime.fromisoformat(str(spec["renewTime"]))
    return now < renewed + timedelta(seconds=int(spec.get("leaseDurationSeconds") or SECONDS))


def describe_other(lease: JsonBody) -> Problem:
    """Returns the problem of a drill that runs already. Pure."""
    spec = cast("dict[str, Any]", lease.get("spec") or {})
    found = f"{spec.get('holderIdentity') or 'somebody'} runs one since {spec.get('acquireTime') or 'just now'}"
    needed = "one drill of a scratch namespace at a time"
    fix = 'docs/drill.md, "One at a time": wait until it ends; one that was killed counts for 2 minutes more'
    return Problem("drill.running", found, needed, fix)
