"""Which resource waits for which: the graph of one restore (docs/architecture.md, "The graph").

The way back comes first in a run that takes it: there everything else depends on `serving`, so that no failure of
the candidate can hold it up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from restore.gates.hook import KEPT_SETTINGS, RESOURCE_ID, Gate, Running, receipt_hook
from restore.model.planned import Plan
from restore.model.request import Settings, Traffic
from restore.program.candidate import declare_candidate, keep_settings
from restore.program.cutover import declare_deployment, declare_secret, keep_way_back
from restore.program.safety_snapshot import declare_safety_snapshot
from restore.program.timing_hooks import Record, unrecorded


@dataclass(frozen=True)
class Gates:
    """Makes each gate by name, and knows which have opened before (from the evidence)."""

    make: Callable[[str], Gate]
    proved: Callable[[str], bool]
    record: Record = unrecorded
    """Writes when what takes long began and ended."""


@dataclass(frozen=True)
class Declared:
    """What the stack's outputs are made of."""

    receipts: Mapping[str, pulumi.Stash]
    candidate: Mapping[str, Any]


class Graph:
    """Declares one plan's resources, each receipt with its hooks."""

    def __init__(self, plan: Plan, settings: Settings, gates: Gates, running: Running):
        self._plan = plan
        self._namespace = settings.namespace
        self._source = settings.source
        self._gates = gates
        self._running = running
        self._receipts: dict[str, pulumi.Stash] = {}
        self._outputs: dict[str, Any] = {}
        self._candidate_id: pulumi.Input[str] = ""

    def receipt(self, name: str, proved: Mapping[str, Any], depends_on: Sequence[pulumi.Resource]) -> pulumi.Stash:
        gate = self._gates.make(name)
        hook = receipt_hook(gate, self._running)
        stash = pulumi.Stash(
            f"{name}-{self._plan.id}",
            input={"gate": name, "id": self._plan.id, **proved, **gate.fingerprint},
            opts=pulumi.ResourceOptions(
                depends_on=depends_on,
                hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook]),
            ),
        )
        self._receipts[name] = stash
        return stash

    def declare(self) -> Declared:
        moved = bool(self._plan.apps)
        if self._plan.traffic is Traffic.FROZEN:
            self._frozen()
        elif self._plan.traffic is Traffic.RESTORED:
            proofs = self._candidate([], gates=True)
            self._serve([*proofs, *self._safety([])])
        elif moved:
            served = self._serve([])
            self._safety(served)
            self._candidate(served, gates=self._gates.proved("conformed") and self._gates.proved("validated"))
        else:
            self._candidate([], gates=True)
        return Declared(self._receipts, self._outputs)

    def _frozen(self) -> None:
        plan = self._plan
        if plan.secret:
            keep_way_back(plan, plan.secret)
            declare_secret(plan, self._namespace, plan.secret, [])
        patches = [declare_deployment(plan, self._namespace, app, []) for app in plan.apps]
        frozen = {app.name: app.reapplied for app in plan.apps}
        quiesced = self.receipt("quiesced", {"frozen": frozen, **self._served_by()}, patches)
        self._safety([quiesced])
        waits = plan.point.latest and plan.candidate_found is None
        self._candidate([quiesced] if waits else [], gates=True)

    def _safety(self, depends_on: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        plan = self._plan
        if plan.safety_snapshot is None:
            return []
        return [declare_safety_snapshot(plan, self._source, plan.safety_snapshot, depends_on, self._gates.record)]

    def _candidate(self, depends_on: Sequence[pulumi.Resource], *, gates: bool) -> list[pulumi.Resource]:
        plan = self._plan
        settings = keep_settings(plan)
        candidate = declare_candidate(plan, [*depends_on, settings], self._gates.record)
        self._candidate_id = candidate.resource_id
        self._outputs = {
            "identifier": plan.candidate,
            "resourceId": candidate.resource_id,
            "endpoint": candidate.endpoint,
            "status": candidate.status,
        }
        if not gates:
            return []
        wanted = {"candidate": plan.candidate, RESOURCE_ID: candidate.resource_id, "point": plan.point.tag}
        conformed = self.receipt("conformed", {**wanted, KEPT_SETTINGS: settings.output}, [candidate])
        loaded = self._loaded(wanted, conformed, depends_on)
        return [conformed, *loaded, self.receipt("validated", wanted, [conformed, *loaded])]

    def _loaded(
        self, wanted: Mapping[str, Any], conformed: pulumi.Resource, depends_on: Sequence[pulumi.Resource]
    ) -> list[pulumi.Resource]:
        """The dump is read and judged while the instance is being made; nothing is loaded before both are done."""
        dump = self._plan.point.dump
        if dump is None:
            return []
        bytes_meant = {"dump": {"bucket": dump.bucket, "key": dump.key, "version": dump.version}}
        scanned = self.receipt("scanned", bytes_meant, depends_on)
        return [scanned, self.receipt("imported", {**wanted, **bytes_meant}, [scanned, conformed])]

    def _serve(self, depends_on: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        """Prove that it is safe, switch the secret (where it ever was), resume the applications, prove who serves."""
        plan = self._plan
        traffic = {"traffic": str(plan.traffic), **self._served_by()}
        way_back = [keep_way_back(plan, plan.secret)] if plan.secret else []
        proved = {"proved": self._candidate_id} if plan.traffic is Traffic.RESTORED else {}
        switched: list[pulumi.Resource] = [self.receipt("switched", {**traffic, **proved}, [*depends_on, *way_back])]
        if plan.secret:
            switched.append(declare_secret(plan, self._namespace, plan.secret, switched))
        patches = [declare_deployment(plan, self._namespace, app, switched) for app in plan.apps]
        replicas = {app.name: app.replicas for app in plan.apps}
        return [self.receipt("serving", {**traffic, "replicas": replicas}, patches)]

    def _served_by(self) -> dict[str, str]:
        """The database that the applications' URL names, by address and by identity; "gone" for none."""
        serving = self._plan.serving
        endpoint = str(self._plan.apps[0].endpoint)
        return {"endpoint": endpoint, RESOURCE_ID: serving.resource_id if serving else "gone"}
