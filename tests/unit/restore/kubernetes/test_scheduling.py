"""Requests are counted as the scheduler counts them: too little would promise room that isn't there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from restore.kubernetes import read_node_room
from restore.kubernetes.api import Api, Forbidden
from restore.kubernetes.scheduling import parse_node, parse_node_pod, parse_pod_needs, sum_requests
from restore.model.nodes import Requirement, Taint, Toleration


def container(cpu: str, **more: Any) -> dict[str, Any]:
    return {"name": "c", "image": "shop/api:1", "resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container("250m"), container("1")]}, "1.25"),
        ({"containers": [container("250m")], "initContainers": [container("2")]}, "2"),
        ({"containers": [container("1")], "initContainers": [container("1", restartPolicy="Always")]}, "2"),
        (
            {
                "containers": [container("1")],
                "initContainers": [container("500m", restartPolicy="Always"), container("2")],
            },
            "2.5",
        ),
        ({"containers": [container("1")], "overhead": {"cpu": "100m"}}, "1.1"),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}}, "3"),
        ({"containers": [{"name": "c", "resources": {"limits": {"cpu": "4"}}}]}, "4"),
    ],
)
def test_a_pod_reserves_its_largest_moment(spec: dict[str, Any], cpu: str) -> None:
    assert sum_requests(spec)["cpu"] == Decimal(cpu)
    assert sum_requests(spec)["pods"] == 1


def test_where_a_pod_may_run_is_read_whole() -> None:
    line = {"key": "pool", "operator": "In", "values": ["web"]}
    needs = parse_pod_needs(
        {
            "containers": [],
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "db", "operator": "Exists", "effect": "NoSchedule"}, {"key": "a", "value": "b"}],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [line]}]
                    }
                }
            },
        }
    )
    assert needs.selector == {"disk": "ssd"}
    assert needs.tolerations == (Toleration("db", "", "NoSchedule", any_value=True), Toleration("a", "b"))
    assert needs.terms == ((Requirement("pool", "In", ("web",)),),)


def test_a_node_tells_what_it_has_and_whom_it_takes() -> None:
    described = parse_node(
        {
            "metadata": {"name": "a", "labels": {"pool": "web"}},
            "spec": {"unschedulable": True, "taints": [{"key": "db", "effect": "NoSchedule"}]},
            "status": {
                "allocatable": {"cpu": "3920m", "memory": "7Gi", "pods": "29"},
                "images": [{"names": ["docker.io/library/postgres:17"]}],
            },
        }
    )
    assert (described.cordoned, described.taints, described.labels) == (
        True,
        (Taint("db", "", "NoSchedule"),),
        {"pool": "web"},
    )
    assert described.allocatable == {"cpu": Decimal("3.92"), "memory": Decimal(7 << 30), "pods": Decimal(29)}
    assert described.images == ("docker.io/library/postgres:17",)


def test_a_pod_is_known_for_one_of_its_deployment() -> None:
    metadata = {
        "namespace": "shop",
        "labels": {"pod-template-hash": "5f8c7d9b4"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "api-5f8c7d9b4"}],
    }
    described = parse_node_pod({"metadata": metadata, "spec": {"nodeName": "a", "containers": [container("1")]}})
    assert (described.node, described.deployment) == ("a", ("shop", "api"))
    assert parse_node_pod({"metadata": {"namespace": "shop"}, "spec": {}}).deployment is None


@pytest.mark.parametrize(("image_id", "images"), [("sha256:1", ("shop/api:1",)), ("", ())])
def test_a_pod_has_an_image_once_its_node_has_pulled_it(image_id: str, images: tuple[str, ...]) -> None:
    status = {"podIP": "10.0.1.20", "hostIP": "10.0.1.5", "containerStatuses": [{"name": "c", "imageID": image_id}]}
    described = parse_node_pod(
        {"metadata": {"name": "api-1"}, "spec": {"containers": [container("1")]}, "status": status}
    )
    assert (described.images, described.address, described.host) == (images, "10.0.1.20", "10.0.1.5")


def test_who_may_not_list_nodes_is_told_so_and_stopped_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Api, path: str, **query: str) -> list[Any]:
        raise Forbidden("nodes is forbidden")

    monkeypatch.setattr(Api, "list_items", refuse)
    room = read_node_room(Api())
    assert (room.nodes, room.pods, room.unasked) == ((), (), "nodes is forbidden")
