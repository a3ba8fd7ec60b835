"""Custom resources: their definitions, installed as real ones, and the paths of their objects.

The schemas take any field: what the sandbox's own controllers read of them is what the real ones read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.application.kubernetes_api import CONFLICT, MISSING, ClusterError, Json, Kube
from sandbox.application.names import NAMESPACE
from sandbox.machine.processes import wait_until

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ESTABLISHED_SECONDS = 30.0
BUSY = 429
"""The API server's answer while it makes room for a new kind: "storage is (re)initializing"."""


@dataclass(frozen=True)
class Kind:
    """A kind of objects; of several versions the first is the stored one."""

    group: str
    versions: tuple[str, ...]
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.versions[0]}"

    def path(self, name: str = "", namespace: str = NAMESPACE) -> str:
        base = f"/apis/{self.api_version}/namespaces/{namespace}/{self.plural}"
        return f"{base}/{name}" if name else base

    def object(self, name: str, spec: Json, namespace: str = NAMESPACE, **more: Json) -> Json:
        metadata: Json = {"name": name, "namespace": namespace}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata, "spec": spec, **more}


EXTERNAL_SECRET = Kind("external-secrets.io", ("v1", "v1beta1"), "ExternalSecret", "externalsecrets")
SECRET_STORE = Kind("external-secrets.io", ("v1", "v1beta1"), "SecretStore", "secretstores")
VAULT_STATIC_SECRET = Kind("secrets.hashicorp.com", ("v1beta1",), "VaultStaticSecret", "vaultstaticsecrets")
PROVIDER_CLASS = Kind("secrets-store.csi.x-k8s.io", ("v1",), "SecretProviderClass", "secretproviderclasses")
POD_STATUS = Kind(
    "secrets-store.csi.x-k8s.io", ("v1",), "SecretProviderClassPodStatus", "secretproviderclasspodstatuses"
)
SEALED_SECRET = Kind("bitnami.com", ("v1alpha1",), "SealedSecret", "sealedsecrets")
SCALED_OBJECT = Kind("keda.sh", ("v1alpha1",), "ScaledObject", "scaledobjects")
SCALED_JOB = Kind("keda.sh", ("v1alpha1",), "ScaledJob", "scaledjobs")
APPLICATION = Kind("argoproj.io", ("v1alpha1",), "Application", "applications")
ROLLOUT = Kind("argoproj.io", ("v1alpha1",), "Rollout", "rollouts")
WORKFLOW = Kind("argoproj.io", ("v1alpha1",), "Workflow", "workflows")
CRON_WORKFLOW = Kind("argoproj.io", ("v1alpha1",), "CronWorkflow", "cronworkflows")
KNATIVE_SERVICE = Kind("serving.knative.dev", ("v1",), "Service", "services")


def install(kube: Kube, *kinds: Kind) -> None:
    """Installs the definitions, and waits until objects of them can be made; what is there already stays."""
    for kind in kinds:
        post(kube, DEFINITIONS, definition(kind))
    for kind in kinds:
        wait_until(lambda kind=kind: established(kube, kind), ESTABLISHED_SECONDS, f"{kind.kind} served", 0.05)


def definition(kind: Kind) -> Json:
    names = {"kind": kind.kind, "listKind": f"{kind.kind}List", "plural": kind.plural, "singular": kind.kind.lower()}
    metadata = {"name": f"{kind.plural}.{kind.group}"}
    spec = {"group": kind.group, "scope": "Namespaced", "names": names, "versions": list(versions(kind))}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": spec,
    }


def versions(kind: Kind) -> Iterator[Json]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    for number, name in enumerate(kind.versions):
        yield {
            "name": name,
            "served": True,
            "storage": number == 0,
            "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}},
        }


def established(kube: Kube, kind: Kind) -> bool:
    try:
        kube.request("GET", kind.path())
    except ClusterError as error:
        if error.status in (MISSING, BUSY):
            return False
        raise
    return True


def post(kube: Kube, collection: str, body: Json, manager: str = "kubectl-create") -> None:
    """Creates an object; one of that name stays as it is."""
    try:
        kube.request("POST", collection, body=body, query={"fieldManager": manager})
    except ClusterError as error:
        if error.status != CONFLICT:
            raise


def remove(kube: Kube, path: str) -> None:
    """Deletes an object; one that is gone is no fault.

    What it owns is to be deleted as well: the garbage collector knows a new kind only after half a minute.
    """
    try:
        kube.request("DELETE", path, query={"propagationPolicy": "Background"})
    except ClusterError as error:
        if error.status != MISSING:
            raise


def read(kube: Kube, path: str) -> Json | None:
    try:
        return kube.request("GET", path)
    except ClusterError as error:
        if error.status == MISSING:
            return None
        raise


def labels_of(item: Json) -> dict[str, str]:
    return item["metadata"].get("labels", {})


def annotations_of(item: Json) -> dict[str, str]:
    return item["metadata"].get("annotations", {})


def owner(item: Json, *, controller: bool) -> Json:
    """The reference with which a dependent names its owner."""
    metadata = item["metadata"]
    reference = {
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {**reference, **({"controller": True, "blockOwnerDeletion": True} if controller else {})}
