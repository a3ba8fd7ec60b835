"""Nodes of the cluster, and what pods ask of them, as the scheduler counts it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Amounts = Mapping[str, Decimal]
"""By resource: cpu in cores, memory in bytes, pods in pods, and whatever else the nodes have."""


@dataclass(frozen=True)
class Toleration:
    """A taint that a pod puts up with; an empty key is every taint's, an empty effect every effect."""

    key: str = ""
    value: str = ""
    effect: str = ""
    any_value: bool = False


@dataclass(frozen=True)
class Requirement:
    """One line of a node affinity: In, NotIn, Exists or DoesNotExist, Gt or Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class PodNeeds:
    """What a pod must find on a node."""

    requests: Amounts = field(default_factory=dict[str, Decimal])
    selector: Mapping[str, str] = field(default_factory=dict[str, str])
    terms: tuple[tuple[Requirement, ...], ...] = ()
    """Of the node affinity that is required: one of them must hold as a whole; none: every node will do."""
    tolerations: tuple[Toleration, ...] = ()


@dataclass(frozen=True)
class Taint:
    """What keeps pods that don't tolerate it from a node (Kubernetes, "Taints and Tolerations")."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Node:
    """A node as found."""

    name: str
    allocatable: Amounts = field(default_factory=dict[str, Decimal])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: tuple[Taint, ...] = ()
    cordoned: bool = False
    images: tuple[str, ...] = ()
    """Those that it tells to have: 50 at most, unless its kubelet is set otherwise (nodeStatusMaxImages)."""


@dataclass(frozen=True)
class NodePod:
    """A pod as its node knows it."""

    node: str
    requests: Amounts = field(default_factory=dict[str, Decimal])
    deployment: tuple[str, str] | None = None
    """Namespace and name of the Deployment that it belongs to."""
    images: tuple[str, ...] = ()
    """Those that its node has pulled."""
    name: str = ""
    address: str = ""
    host: str = ""
    """Its node's address."""
    owner: str = ""
    """Kind and name of what keeps it (`ReplicaSet/api-5f8c7d9b4`); empty for a pod that somebody made by hand."""
    secrets: frozenset[str] = frozenset()
    """The Secrets that it gets."""
    ended: bool = False


@dataclass(frozen=True)
class NodeRoom:
    """The nodes, and the pods that run on them; `unasked`: why they couldn't be asked, and both are empty then."""

    nodes: tuple[Node, ...] = ()
    pods: tuple[NodePod, ...] = ()
    unasked: str = ""
