"""What the scheduler looks at, read from pods and nodes (Kubernetes, "Kubernetes Scheduler", "Assigning Pods to
Nodes", "Taints and Tolerations", "Resource Management for Pods and Containers"). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, cast

from restore.kubernetes.references import SECRET, list_uses
from restore.model.nodes import Amounts, Node, NodePod, PodNeeds, Requirement, Taint, Toleration

KubeObject = Mapping[str, Any]


def parse_pod_needs(spec: KubeObject) -> PodNeeds:
    """Reads the specification of a pod, or of a template of pods."""
    affinity = _get_object(_get_object(spec, "affinity"), "nodeAffinity")
    required = _get_object(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
    return PodNeeds(
        requests=sum_requests(spec),
        selector=_get_texts(spec.get("nodeSelector")),
        terms=tuple(_parse_term(item) for item in _get_objects(required, "nodeSelectorTerms")),
        tolerations=tuple(_parse_toleration(item) for item in _get_objects(spec, "tolerations")),
    )


def sum_requests(spec: KubeObject) -> Amounts:
    """Adds up what the scheduler reserves for a pod: all containers and sidecars, or the largest step of its start."""
    started: Mapping[str, Decimal] = {}
    largest: dict[str, Decimal] = {}
    for item in _get_objects(spec, "initContainers"):
        asked = _read_requests(item)
        _raise_to(largest, started, asked)
        if item.get("restartPolicy") == "Always":  # a sidecar goes on beside the others
            started = _sum(started, asked)
    for item in _get_objects(spec, "containers"):
        started = _sum(started, _read_requests(item))
    _raise_to(largest, started, {})
    of_pod = _parse_amounts(_get_object(_get_object(spec, "resources"), "requests"))
    total = _sum({**largest, **of_pod}, _parse_amounts(_get_object(spec, "overhead")))
    return {**total, "pods": Decimal(1)}


def parse_node(answer: KubeObject) -> Node:
    metadata: KubeObject = answer["metadata"]
    spec, status = _get_object(answer, "spec"), _get_object(answer, "status")
    return Node(
        name=str(metadata["name"]),
        allocatable=_parse_amounts(_get_object(status, "allocatable")),
        labels=_get_texts(metadata.get("labels")),
        taints=tuple(
            Taint(str(item.get("key") or ""), str(item.get("value") or ""), str(item.get("effect") or ""))
            for item in _get_objects(spec, "taints")
        ),
        cordoned=bool(spec.get("unschedulable")),
        images=tuple(str(name) for item in _get_objects(status, "images") for name in _get_strings(item, "names")),
    )


def parse_node_pod(answer: KubeObject) -> NodePod:
    """Reads a pod. An image is known to be pulled once a container of it has an image's id (Kubernetes API reference,
    "ContainerStatus")."""
    spec, status = _get_object(answer, "spec"), _get_object(answer, "status")
    pulled = {item.get("name") for item in _get_objects(status, "containerStatuses") if item.get("imageID")}
    return NodePod(
        node=str(spec.get("nodeName") or ""),
        requests=sum_requests(spec),
        deployment=_find_deployment(answer["metadata"]),
        images=tuple(
            str(item.get("image") or "") for item in _get_objects(spec, "containers") if item.get("name") in pulled
        ),
        name=str(answer["metadata"].get("name") or ""),
        address=str(status.get("podIP") or ""),
        host=str(status.get("hostIP") or ""),
        owner=_find_owner(answer["metadata"]),
        secrets=frozenset(use.name for use in list_uses(spec) if use.kind == SECRET),
        ended=status.get("phase") in ("Succeeded", "Failed"),
    )


def _find_owner(metadata: KubeObject) -> str:
    owners = (owner for owner in _get_objects(metadata, "ownerReferences") if owner.get("controller"))
    return next((f"{owner.get('kind')}/{owner.get('name')}" for owner in owners), "")


def _find_deployment(metadata: KubeObject) -> tuple[str, str] | None:
    """A Deployment's replica set is named by it and by the hash of its template, which its pods have as a label."""
    ending = f"-{_get_object(metadata, 'labels').get('pod-template-hash')}"
    for owner in _get_objects(metadata, "ownerReferences"):
        name = str(owner.get("name") or "")
        if owner.get("kind") == "ReplicaSet" and name.endswith(ending):
            return str(metadata.get("namespace") or ""), name.removesuffix(ending)
    return None


def _parse_term(item: KubeObject) -> tuple[Requirement, ...]:
    return tuple(
        Requirement(
            str(line.get("key") or ""),
            str(line.get("operator") or ""),
            _get_strings(line, "values"),
        )
        for line in _get_objects(item, "matchExpressions")
    )


def _parse_toleration(item: KubeObject) -> Toleration:
    return Toleration(
        key=str(item.get("key") or ""),
        value=str(item.get("value") or ""),
        effect=str(item.get("effect") or ""),
        any_value=item.get("operator") == "Exists",
    )


def _read_requests(container: KubeObject) -> Amounts:
    """A limit without a request is the request too, as the API server sets it."""
    resources = _get_object(container, "resources")
    return _parse_amounts({**_get_object(resources, "limits"), **_get_object(resources, "requests")})


def _parse_amounts(quantities: KubeObject) -> dict[str, Decimal]:
    from kubernetes.utils import quantity  # with the client's other modules, at the first call

    parse = cast("Callable[[Any], Decimal]", cast("Any", quantity).parse_quantity)
    return {name: parse(amount) for name, amount in quantities.items()}


def _sum(first: Mapping[str, Decimal], other: Amounts) -> dict[str, Decimal]:
    return {name: first.get(name, Decimal()) + other.get(name, Decimal()) for name in {*first, *other}}


def _raise_to(largest: dict[str, Decimal], started: Mapping[str, Decimal], more: Amounts) -> None:
    for name, amount in _sum(started, more).items():
        largest[name] = max(largest.get(name, Decimal()), amount)


def _get_object(item: KubeObject, name: str) -> KubeObject:
    return cast("KubeObject", item.get(name) or {})


def _get_texts(mapping: object) -> dict[str, str]:
    return {str(key): str(value) for key, value in cast("KubeObject", mapping or {}).items()}


def _get_strings(item: KubeObject, name: str) -> tuple[str, ...]:
    return tuple(str(value) for value in cast("list[object]", item.get(name) or []))


def _get_objects(item: KubeObject, name: str) -> Iterable[KubeObject]:
    return cast("list[KubeObject]", item.get(name) or [])
