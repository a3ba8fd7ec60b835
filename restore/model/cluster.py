"""Deployments, the connection secret and other writers as the Kubernetes API has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from restore.model.nodes import PodNeeds
from validation.verdict import Verdict as Verdict

WRITER_CHECK = "preflight.writer"
REFERENCE_CHECK = "preflight.reference"


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
    generation: int = 0
    observed_generation: int = 0
    """The generation that its controller has seen: below `generation`, status and pods are of an earlier one."""
    images: tuple[str, ...] = ()
    """Of its containers."""
    needs: PodNeeds = field(default_factory=PodNeeds)
    """What each of its pods must find on a node."""
    paused: bool = False
    """Its rollout is paused (spec.paused): it scales, and makes no pods of a changed template."""


@dataclass(frozen=True)
class Writer:
    """Something else that may write, or bring pods back: found and named, so that it can be stopped first."""

    kind: str
    """HorizontalPodAutoscaler, ScaledObject, CronJob, Job, ArgoCD, Flux, ExternalSecret, ..."""
    name: str
    detail: str
    stop: str
    """The command that suspends it."""
    blocking: bool
    """False: known to be harmless at zero replicas (an HPA is inactive then), only told."""
    resume: str = ""
    """For one that is suspended: the command that lets it go on; empty for all others."""
    namespace: str = ""
    """Of the owner's own object, where it has one that can be read."""

    @property
    def check(self) -> str:
        """Its name for a waiver."""
        return f"{WRITER_CHECK}:{self.kind}/{self.name}"


@dataclass(frozen=True)
class Reference:
    """A value that an application's pods get besides what the switch writes; the value never appears in a repr."""

    app: str
    place: str
    """`env/<variable>`, `args/<container>`, `ConfigMap/<name>/<key>` or `Secret/<name>/<key>`."""
    text: str = field(repr=False)

    @property
    def check(self) -> str:
        """Its name for a waiver."""
        return f"{REFERENCE_CHECK}:{self.app}/{self.place}"

    def names(self, host: str) -> bool:
        """Tells whether the host stands in it, as a whole name."""
        return re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w-]|\.\w)", self.text, re.IGNORECASE) is not None


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
    values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What the keys hold that are switched along with the URL, or that the URL is made of."""
    owned_keys: tuple[str, ...] = ()
    """Keys that a restore has written: left out of its next server-side apply, they would be deleted."""


@dataclass(frozen=True)
class Cluster:
    """The namespace as found. `deployments` has None for one that doesn't exist."""

    deployments: Mapping[str, Deployment | None]
    writers: tuple[Writer, ...]
    secret: ConnectionSecret | None
    """None: the Secret itself doesn't exist."""
    references: tuple[Reference, ...] = ()
    unread: tuple[str, ...] = ()
    """ConfigMaps and Secrets of the applications that the login may not read: `ConfigMap <name>`."""
