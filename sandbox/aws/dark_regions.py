"""Regions that don't answer: every request signed for one hangs, or finds nobody; its databases can't be reached.

POST /_sandbox/region   {"name": "us-east-1", "dark": "hang", "refuse" or ""}
POST /_sandbox/lag      {"region": "us-west-2", "seconds": 30}: how far replicated backups there are behind
GET  /_sandbox/region   which regions are dark, and how

The sandbox's own world goes on seeing all of it, with the administrator's key. IAM is signed for us-east-1 wherever it
is called from, as on AWS: it is lost with that region.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from sandbox.aws.client import ACCESS_KEY
from sandbox.aws.moto_services import Environ
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.service import backup_replicas, snapshot_copies
from sandbox.aws.rds.work import conditions
from sandbox.aws.rds.work.jobs import JobRunner

SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")
WAYS = frozenset({"hang", "refuse"})
LONGEST_SECONDS = 120.0
"""No client waits longer for an answer."""
Route = Callable[[bytes], Shape]


class DarkRegions:
    """How each region that is dark behaves, by name."""

    def __init__(self, runner: JobRunner) -> None:
        self._runner = runner
        self._dark: dict[str, str] = {}
        self._changed = threading.Condition()

    def routes(self) -> dict[tuple[str, str], Route]:
        """By method and path."""
        return {
            ("GET", "region"): lambda _: {"dark": dict(self._dark)},
            ("POST", "region"): self._change,
            ("POST", "lag"): self._lag,
        }

    def is_lost(self, environ: Environ) -> bool:
        """Whether a request finds nobody; one to a region that hangs is held until that is back, or nobody waits."""
        scope = SCOPE.search(environ.get("HTTP_AUTHORIZATION", "") or environ.get("QUERY_STRING", ""))
        if scope is None or scope["key"] == ACCESS_KEY or scope["region"] not in self._dark:
            return False
        if self._dark.get(scope["region"]) == "hang":
            with self._changed:
                self._changed.wait_for(lambda: scope["region"] not in self._dark, LONGEST_SECONDS)
        return scope["region"] in self._dark

    def _change(self, body: bytes) -> Shape:
        content = cast("dict[str, Any]", json.loads(body))
        name, how = str(content["name"]), str(content["dark"])
        if how and how not in WAYS:
            raise ValueError(f"dark is one of {sorted(WAYS)}, or empty")
        with self._changed:
            self._dark = {**{n: h for n, h in self._dark.items() if n != name}, **({name: how} if how else {})}
            self._changed.notify_all()
        self._take_along(name, dark=bool(how))
        return {"dark": dict(self._dark)}

    def _take_along(self, name: str, *, dark: bool) -> None:
        """Its databases go and come with it; backups and snapshots that are on their way from it stop, and go on."""
        rds = self._runner.region(name)
        with rds.store.lock:
            for region in rds.store.regions:
                backup_replicas.hold(self._runner.region(region), name, held=dark)
                snapshot_copies.hold(self._runner.region(region), name, held=dark)
        for instance in list(rds.state.instances.values()):
            conditions.set_condition(rds, instance, "unreachable" if dark else "none")

    def _lag(self, body: bytes) -> Shape:
        content = cast("dict[str, Any]", json.loads(body))
        rds = self._runner.region(str(content["region"]))
        with rds.store.lock:
            backup_replicas.set_lag(rds, timedelta(seconds=float(content["seconds"])))
            rds.store.save()
        return {"seconds": content["seconds"]}
