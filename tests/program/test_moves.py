"""Traffic moves over the same resources: no move creates, deletes or replaces what is there already.

Each plan is made by the program's own rules from the world that the move before it left behind; what is registered is
then held against the state as the engine does it: by URN, by inputs, by what forces a replacement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from restore import plan
from restore.model.cluster import Cluster
from restore.model.inventory import Inventory
from restore.model.planned import Plan
from restore.model.rds import Snapshot
from restore.model.request import Request, Traffic
from sandbox.standins.aws import property_schema
from tests.support import worlds
from tests.support.declarations import register

OF_RESTORE = ("candidate", "safety", "settings", "way-back")
KEPT = {*(f"{name}-inc-1" for name in OF_RESTORE), "api", "indexer", "database-credentials"}
"""Databases, snapshots, patches and what a Stash remembers: all but the receipts, which come and go."""
FORCES_REPLACEMENT = {
    "aws:rds/instance:Instance": [name for name, one in property_schema.INSTANCE.items() if one.force_new],
    "aws:rds/snapshot:Snapshot": [name for name, one in property_schema.SNAPSHOT.items() if one.force_new],
}
"""By type; a patch is replaced when the object that it names is another."""
CUTOVER = "restore:index:Cutover$"
PARENTS = {
    "aws:rds/instance:Instance": "restore:index:Restore$",
    "aws:rds/snapshot:Snapshot": "restore:index:Freeze$",
    "kubernetes:apps/v1:DeploymentPatch": CUTOVER,
    "kubernetes:core/v1:SecretPatch": CUTOVER,
}


class State:
    """What the engine keeps of a stack: the inputs of each URN, as they are after ignoreChanges."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}

    def apply(self, registrations: Mapping[str, Any]) -> dict[str, str]:
        """The step of every resource in KEPT, by logical name."""
        settled = {urn: self._settle(urn, request) for urn, request in registrations.items()}
        steps = {urn: self._choose_step(urn, inputs, registrations[urn]) for urn, inputs in settled.items()}
        steps |= dict.fromkeys(self.inputs.keys() - registrations.keys(), "delete")
        self.inputs = settled
        return {name: step for urn, step in steps.items() if (name := urn.rpartition("::")[2]) in KEPT}

    def _settle(self, urn: str, request: Any) -> dict[str, Any]:
        inputs = MessageToDict(request.object)
        if earlier := self.inputs.get(urn):
            ignored = set(request.ignoreChanges)
            inputs = {key: value for key, value in inputs.items() if key not in ignored}
            inputs |= {key: value for key, value in earlier.items() if key in ignored}
        return inputs

    def _choose_step(self, urn: str, inputs: Mapping[str, Any], request: Any) -> str:
        earlier = self.inputs.get(urn)
        if earlier is None:
            return "import" if request.importId else "create"
        forced = any(earlier.get(name) != inputs.get(name) for name in FORCES_REPLACEMENT.get(request.type, []))
        if forced or named(earlier) != named(inputs):
            return "replace"
        return "same" if earlier == inputs else "update"


def named(inputs: Mapping[str, Any]) -> tuple[Any, Any]:
    """The object of the cluster that a patch is for."""
    metadata = inputs.get("metadata", {})
    return metadata.get("name"), metadata.get("namespace")


def walk(request: Request, first: Inventory) -> list[Plan]:
    """The plans of traffic's whole way, each made in the world that the one before it left behind."""
    made = plan.make(worlds.settings(replace(request, traffic=Traffic.SOURCE)), first)
    candidate = worlds.candidate(tags=made.tags)

    def move(traffic: Traffic, cluster: Cluster, safety: Snapshot | None = worlds.safety()) -> Plan:  # noqa: B008
        left = replace(first, candidate=candidate, open_restores=(candidate,), cluster=cluster, safety_snapshot=safety)
        return plan.make(worlds.settings(replace(request, traffic=traffic)), left)

    return [
        made,
        move(Traffic.FROZEN, worlds.RUNNING, None),
        move(Traffic.FROZEN, worlds.FROZEN),
        move(Traffic.RESTORED, worlds.FROZEN),
        move(Traffic.RESTORED, worlds.SWITCHED),
        move(Traffic.FROZEN, worlds.SWITCHED),
        move(Traffic.SOURCE, worlds.FROZEN_AGAIN),
        move(Traffic.SOURCE, worlds.RETURNED),
        move(Traffic.FROZEN, worlds.RETURNED),
    ]


METHODS = [
    pytest.param(worlds.PITR, worlds.inventory(), id="pitr"),
    pytest.param(worlds.LATEST, worlds.inventory(), id="latest"),
    pytest.param(worlds.SNAPSHOT, worlds.inventory(), id="snapshot"),
    pytest.param(worlds.DUMP, worlds.dumped(), id="dump"),
]


@pytest.mark.parametrize("rehearsed", [True, False])
@pytest.mark.parametrize(("request_", "first"), METHODS)
def test_no_move_creates_deletes_or_replaces_what_is_there(
    request_: Request, first: Inventory, rehearsed: bool
) -> None:
    state, seen = State(), set[str]()
    plans = walk(request_, first)
    if not rehearsed:
        plans = [plan.make(worlds.settings(request_), first), *plans[2:]]
    for planned in plans:
        steps = state.apply(register(planned, worlds.settings(), proved=rehearsed))
        made = {name for name, step in steps.items() if step in ("create", "import")}
        assert not made & seen, (planned.traffic, steps)
        assert not {"delete", "replace"} & set(steps.values()), (planned.traffic, steps)
        seen |= made
    assert seen == KEPT


@pytest.mark.parametrize(("request_", "first"), [METHODS[1], METHODS[3]])
def test_each_resource_has_its_parent_and_waits_for_no_component(request_: Request, first: Inventory) -> None:
    """A component stands for all its children: with `latest` the candidate would wait for itself."""
    for planned in walk(request_, first):
        registrations = register(planned, worlds.settings(), proved=True)
        components = {urn for urn, registration in registrations.items() if not registration.custom}
        assert len(components) == (3 if planned.apps else 1)
        for urn, registration in registrations.items():
            assert PARENTS.get(registration.type, "restore:index:") in urn
            assert (registration.parent in components) is registration.custom
            assert not components & set(registration.dependencies)
