"""Deployments, the connection secret and other writers as the Kubernetes API has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from validation.verdict import Verdict as Verdict


@dataclass(frozen=True)
class Deployment:
    """A Deployment as found. `replicas_manager`: who owns spec.replicas, as `manager/operation`, None if nobody."""

    name: str
    uid: str
    resource_version: str
    replicas: int
    ready: int
    terminating: int | None
    """status.terminatingReplicas (Kubernetes 1.35 and later), None where the server doesn't report it."""
    replicas_manager: str | None
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    template_annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    selector: str = ""
    """Label selector of its pods, as text for a list call."""


@dataclass(frozen=True)
class Writer:
    """Something else that may write, or bring pods back: found and named, so that it can be stopped first."""

    kind: str
    """HorizontalPodAutoscaler, ScaledObject, CronJob, Job, ArgoCD, Flux."""
    name: str
    detail: str
    stop: str
    """The command that suspends it."""
    blocking: bool
    """False: known to be harmless at zero replicas (an HPA is inactive then), only told."""
    namespace: str = ""
    """Of the owner's own object, where it has one that can be read."""


@dataclass(frozen=True)
class ConnectionSecret:
    """The applications' secret as found; the URL never appears in a repr."""

    name: str
    key: str
    keys: tuple[str, ...]
    url: str | None = field(repr=False)
    key_manager: str | None
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    resource_version: str = ""
    immutable: bool = False
    """Nobody can change its values, only replace it as a whole."""


@dataclass(frozen=True)
class Cluster:
    """The namespace as found. `deployments` has None for one that doesn't exist."""

    deployments: Mapping[str, Deployment | None]
    writers: tuple[Writer, ...]
    secret: ConnectionSecret | None
    """None: the Secret itself doesn't exist."""
