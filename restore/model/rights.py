"""Rights of the operator in AWS and in the cluster: what a phase needs, and what was answered. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

RIGHT_CHECK = "preflight.right"
"""What `waive` names when a right that was denied is known to be there: `preflight.right:<right>`."""


SECRET_CONTROLLERS: Mapping[str, str] = {
    "ExternalSecret": "get externalsecrets.external-secrets.io",
    "VaultStaticSecret": "get vaultstaticsecrets.secrets.hashicorp.com",
    "VaultDynamicSecret": "get vaultdynamicsecrets.secrets.hashicorp.com",
    "VaultPKISecret": "get vaultpkisecrets.secrets.hashicorp.com",
    "HCPVaultSecretsApp": "get hcpvaultsecretsapps.secrets.hashicorp.com",
    "SecretProviderClass": "list secretproviderclasses.secrets-store.csi.x-k8s.io",
    "SealedSecret": "get sealedsecrets.bitnami.com",
}
"""By kind, the right to see whether one that keeps the connection secret is paused."""


class Phase(StrEnum):
    """A part of a restore, as docs/permissions.md divides the rights."""

    PREVIEW = "preview"
    FREEZE = "freeze"
    RESTORE = "restore"
    CONFORM = "conform"
    LOAD = "load"
    VALIDATE = "validate"
    EVIDENCE = "evidence"
    SWITCH = "switch"
    SERVING = "serving"
    WAY_BACK = "way back"
    CLOSE = "close"
    ROTATE = "rotate"
    """`restore credentials rotate`, after a breach."""
    RETIRE = "retire"
    """`restore retire`, long after a restore."""
    PREVENT = "prevent"
    """`prevention`, and the commands that keep backups."""
    DRILL = "drill"
    """`restore drill`, on a quiet day."""
    BY_HAND = "by hand"
    """Commands beside a restore: `restore.dumps load`, `restore doctor`."""


@dataclass(frozen=True)
class AwsRight:
    """An IAM action on one resource, with the condition keys that the request will carry."""

    action: str
    resource: str = "*"
    """ARN, or `*` for an action that has no resource."""
    context: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return self.action


@dataclass(frozen=True)
class ClusterRight:
    """A verb on one resource of the Kubernetes API; an empty object name stands for all objects of the namespace, an
    empty namespace for the whole cluster."""

    verb: str
    resource: str
    group: str
    namespace: str
    object_name: str = ""

    @classmethod
    def parse(cls, name: str, namespace: str, object_name: str = "") -> ClusterRight:
        """Reads `patch deployments.apps` and `get pods/log`, as docs/permissions.md writes them."""
        verb, _, named = name.partition(" ")
        resource, _, group = named.partition(".")
        return cls(verb, resource, group, namespace, object_name)

    @property
    def name(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")

    @property
    def attributes(self) -> Mapping[str, str]:
        """The ResourceAttributes of an access review."""
        resource, _, subresource = self.resource.partition("/")
        return {
            "verb": self.verb,
            "group": self.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": self.namespace,
            "name": self.object_name,
        }


Right = AwsRight | ClusterRight


@dataclass(frozen=True)
class Denied:
    """A right that was asked for and isn't given; `why` in the words of AWS or the cluster."""

    right: Right
    why: str


@dataclass(frozen=True)
class RightsAnswers:
    """What AWS and the cluster said when they were asked."""

    asked: int = 0
    """Rights that were answered."""
    denied: tuple[Denied, ...] = ()
    not_asked: tuple[str, ...] = ()
    """What could not be asked, each with the reason."""

    def __add__(self, other: RightsAnswers) -> RightsAnswers:
        return RightsAnswers(self.asked + other.asked, self.denied + other.denied, self.not_asked + other.not_asked)
