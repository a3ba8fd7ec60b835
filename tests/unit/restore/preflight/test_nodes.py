"""Replicas that would find no node are told before they are stopped, and never counted against who can't be asked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from restore import plan
from restore.model.context import RestoreContext
from restore.model.inventory import Inventory
from restore.model.nodes import Node, NodePod, NodeRoom, PodNeeds, Requirement, Taint, Toleration
from restore.model.request import Settings, Traffic
from restore.preflight import nodes
from tests.support import worlds as w

ROOMY = {"cpu": Decimal(4), "memory": Decimal(8 << 30), "pods": Decimal(110)}
HALF = {"cpu": Decimal("0.5"), "memory": Decimal(1 << 30), "pods": Decimal(1)}
NEEDS = PodNeeds(HALF)
API = ("shop-prod", "api")


def world(room: NodeRoom | None, base: Inventory | None = None, needs: PodNeeds = NEEDS) -> Inventory:
    """`api` asks for something; `indexer` for nothing, as before."""
    inventory = base or w.inventory()
    api = inventory.cluster.deployments["api"]
    assert api is not None
    deployments = {**inventory.cluster.deployments, "api": replace(api, needs=needs)}
    return replace(inventory, cluster=replace(inventory.cluster, deployments=deployments), nodes=room)


def running(*names: str) -> tuple[NodePod, ...]:
    return tuple(NodePod(name, HALF, API) for name in names)


def node(name: str, **changes: Any) -> Node:
    return replace(Node(name, ROOMY), **changes)


def test_pods_that_stay_on_full_nodes_come_back_to_them() -> None:
    full = node("a", allocatable={name: amount * 3 for name, amount in HALF.items()})
    idle = node("b", allocatable={**ROOMY, "cpu": Decimal("0.1")})
    assert w.problems(w.settings(), world(NodeRoom((full, idle), running("a", "a", "a")))) == {}


def test_a_freeze_is_refused_while_the_nodes_of_its_pods_take_no_others() -> None:
    drained = NodeRoom((node("a", cordoned=True), node("b", allocatable=HALF)), running("a", "a", "b"))
    problem = w.problems(w.settings(), world(drained))["deployment api"]
    assert problem.found == "room for 1 of 3 pods (0.5 CPU, 1.1 GB each); of 2 nodes: 1 cordoned, 1 full"
    assert "kubectl uncordon" in problem.fix
    assert 'waive["preflight.room:nodes"]' in problem.fix
    assert w.problems(w.settings(waive={nodes.NODES_CHECK: "nodes come"}), world(drained)) == {}


def test_afterwards_it_is_only_told_because_an_autoscaler_may_bring_nodes() -> None:
    none_left = NodeRoom((node("a", taints=(Taint("gpu", "", "NoSchedule"),)),))
    frozen = w.settings(w.asked(traffic=Traffic.RESTORED))
    inventory = world(none_left, w.restored(cluster=w.FROZEN))
    assert w.problems(frozen, inventory) == {}
    told = "\n".join(plan.make(frozen, inventory).notes)
    assert "note: api: room for 0 of 3 pods (0.5 CPU, 1.1 GB each); of 1 nodes: 1 tainted gpu; serving waits" in told


def test_nodes_that_could_not_be_asked_are_not_taken_for_none() -> None:
    unasked = world(NodeRoom(unasked="nodes is forbidden"))
    assert w.problems(w.settings(), unasked) == {}
    assert "note: not asked: room on the nodes (nodes is forbidden)" in "\n".join(
        plan.make(w.settings(), unasked).notes
    )


def test_what_runs_is_counted_against_a_node() -> None:
    busy = NodeRoom((node("a"),), tuple(NodePod("a", {"cpu": Decimal(1)}) for _ in range(3)))
    frozen = w.settings(w.asked(traffic=Traffic.RESTORED))
    (note,) = nodes.list_node_lines(context(frozen, world(busy, w.restored(cluster=w.FROZEN))))
    assert note.startswith("note: api: room for 2 of 3 pods")


def test_a_pod_that_never_found_a_node_is_no_reason_to_refuse_a_freeze() -> None:
    full = node("a", allocatable={name: amount * 2 for name, amount in HALF.items()})
    assert w.problems(w.settings(), world(NodeRoom((full,), running("a", "a")))) == {}


def test_a_pod_that_somebody_let_onto_a_tainted_node_is_let_in_again() -> None:
    fargate = node("a", taints=(Taint("eks.amazonaws.com/compute-type", "fargate", "NoSchedule"),))
    assert w.problems(w.settings(), world(NodeRoom((fargate,), running("a", "a", "a")))) == {}


def context(configured: Settings, inventory: Inventory) -> RestoreContext:
    assert configured.request is not None
    return RestoreContext(configured, configured.request, inventory)


@pytest.mark.parametrize(
    ("changes", "needs", "refused"),
    [
        ({}, NEEDS, ""),
        ({"cordoned": True}, NEEDS, "cordoned"),
        ({"cordoned": True}, replace(NEEDS, tolerations=(Toleration(any_value=True),)), ""),
        ({"taints": (Taint("db", "only", "NoExecute"),)}, NEEDS, "tainted db"),
        ({"taints": (Taint("db", "only", "PreferNoSchedule"),)}, NEEDS, ""),
        ({"taints": (Taint("db", "only", "NoSchedule"),)}, replace(NEEDS, tolerations=(Toleration("db", "only"),)), ""),
        (
            {"taints": (Taint("db", "only", "NoSchedule"),)},
            replace(NEEDS, tolerations=(Toleration("db", "only", "NoExecute"),)),
            "tainted db",
        ),
        ({"labels": {"pool": "web"}}, replace(NEEDS, selector={"pool": "web"}), ""),
        ({"labels": {"pool": "db"}}, replace(NEEDS, selector={"pool": "web"}), "not chosen"),
        ({"labels": {"pool": "db"}}, replace(NEEDS, terms=((Requirement("pool", "In", ("web",)),),)), "not chosen"),
        ({"labels": {"pool": "db"}}, replace(NEEDS, terms=((Requirement("pool", "NotIn", ("web",)),),)), ""),
        ({}, replace(NEEDS, terms=((Requirement("pool", "Exists"),), (Requirement("pool", "DoesNotExist"),))), ""),
    ],
)
def test_a_node_is_refused_for_what_the_scheduler_would_refuse_it(
    changes: dict[str, Any], needs: PodNeeds, refused: str
) -> None:
    assert nodes.find_refusal(node("a", **changes), needs).startswith(refused)
    assert bool(nodes.find_refusal(node("a", **changes), needs)) is bool(refused)
