"""Who writes the connection secret again by its own idea, and whether that is paused. Pure.

Sources: external-secrets, pkg/controllers/externalsecret (labels, field manager, creationPolicy None); hashicorp's
vault-secrets-operator, controllers/vaultstaticsecret_controller.go and helpers/secrets.go (labels, owners, when it
looks again); kubernetes-sigs/secrets-store-csi-driver, controllers and pkg/rotation (label, secretObjects); bitnami's
sealed-secrets, pkg/controller (owner, annotation `managed`); mittwald's kubernetes-replicator and emberstack's
reflector (annotations).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from restore.kubernetes.api import ReadObject
from restore.kubernetes.parse import KubeObject, owns, parse_texts
from restore.model.cluster import Writer
from restore.model.labels import FIELD_MANAGER

ES_LABEL = "reconcile.external-secrets.io/managed"
ES_MANAGER = "externalsecrets.external-secrets.io/"
ES_GROUP = "/apis/external-secrets.io"
ES_VERSIONS = ("v1", "v1beta1")
"""The newest first: a release may serve one of them alone."""
VAULT_LABEL = ("app.kubernetes.io/managed-by", "hashicorp-vso")
VAULT_GROUP = "/apis/secrets.hashicorp.com/v1beta1"
VAULT_KINDS = {
    "VaultStaticSecret": "vaultstaticsecrets",
    "VaultDynamicSecret": "vaultdynamicsecrets",
    "VaultPKISecret": "vaultpkisecrets",
    "HCPVaultSecretsApp": "hcpvaultsecretsapps",
}
CSI_LABEL = "secrets-store.csi.k8s.io/managed"
SEALED_ANNOTATION = "sealedsecrets.bitnami.com/managed"
COPIERS = {
    "replicator.v1.mittwald.de/replicate-from": "kubernetes-replicator",
    "reflector.v1.k8s.emberstack.com/reflects": "reflector",
}
"""Annotations of a Secret that is a copy of another one, with what copies."""
WORKLOADS = frozenset({"Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
"""Owners that only say when a Secret is to be deleted."""
TOOLS = (
    "ansible",
    "argocd",  # told by its own marks, as Flux is
    "before-first-apply",
    "curl",
    "Go-http-client",
    "headlamp",
    "HashiCorp",
    "helm",
    "Helm",
    "k9s",
    "kubectl",
    "kustomize-controller",
    "lens",
    "Lens",
    "Mozilla",
    "node-fetch",
    "OpenAPI-Generator",
    "pulumi",
    "python",
    "rancher",
    "terraform",
    "Terraform",
    "unknown",
)
"""How the names of field managers begin that write once, when a person or a pipeline runs them."""


@dataclass(frozen=True)
class SecretController:
    """One that may write the Secret again."""

    kind: str
    name: str
    paths: tuple[str, ...] = ()
    """Of its own object, or of the list that it is in; of several versions the first that is there counts."""
    deployment: str = ""
    """The Deployment that it runs as, `<namespace>/<name>`; empty where none can be stopped."""
    owner: bool = False
    """The Secret names it as an owner."""
    copied_by: str = ""
    """The annotation that has the Secret copied."""

    @property
    def deployment_path(self) -> str:
        namespace, _, name = self.deployment.partition("/")
        return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}" if name else ""

    @property
    def reads(self) -> tuple[str, ...]:
        """What must be read to know whether it is paused."""
        return (*self.paths, *((self.deployment_path,) if self.deployment else ()))


def find_secret_controllers(
    secret: KubeObject, namespace: str, key: str, deployment: str | None = None
) -> tuple[SecretController, ...]:
    """Returns all that may put the key of a Secret back, by its owners, labels, annotations and field managers.

    `deployment`: where the controller runs (`<namespace>/<name>`), if not where its own manifests put it.
    """
    metadata: KubeObject = secret["metadata"]
    controllers = [
        *_find_external_secrets(metadata, namespace, deployment),
        *_find_vault_secrets(metadata, namespace, deployment),
        *_find_provider_classes(metadata, namespace),
        *_find_sealed_secrets(metadata, namespace, deployment),
        *_find_copiers(metadata),
    ]
    return tuple(dict.fromkeys(controllers or _find_unknown(metadata, key, deployment)))


def _list_owners(metadata: KubeObject) -> list[KubeObject]:
    return list(cast("Sequence[KubeObject]", metadata.get("ownerReferences") or ()))


def _list_owner_names(metadata: KubeObject, kind: str) -> list[str]:
    return [str(owner["name"]) for owner in _list_owners(metadata) if owner.get("kind") == kind]


def _list_managers(metadata: KubeObject) -> list[KubeObject]:
    entries = cast("Sequence[KubeObject]", metadata.get("managedFields") or ())
    return [entry for entry in entries if owns(entry, ("f:data",))]


def _find_external_secrets(metadata: KubeObject, namespace: str, deployment: str | None) -> Iterator[SecretController]:
    owners = _list_owner_names(metadata, "ExternalSecret")
    managers = [str(entry.get("manager", "")) for entry in _list_managers(metadata)]
    names = [*owners, *(name.removeprefix(ES_MANAGER) for name in managers if name.startswith(ES_MANAGER))]
    if not names and parse_texts(metadata.get("labels")).get(ES_LABEL) == "true":
        names = [str(metadata["name"])]
    for name in names:
        paths = tuple(f"{ES_GROUP}/{version}/namespaces/{namespace}/externalsecrets/{name}" for version in ES_VERSIONS)
        where = deployment or "external-secrets/external-secrets"
        yield SecretController("ExternalSecret", name, paths, where, owner=name in owners)


def _find_vault_secrets(metadata: KubeObject, namespace: str, deployment: str | None) -> Iterator[SecretController]:
    where = deployment or "vault-secrets-operator-system/vault-secrets-operator-controller-manager"
    owners = [(str(owner.get("kind")), str(owner["name"])) for owner in _list_owners(metadata)]
    ours = [(kind, name) for kind, name in owners if kind in VAULT_KINDS]
    if not ours and parse_texts(metadata.get("labels")).get(VAULT_LABEL[0]) == VAULT_LABEL[1]:
        ours = [("VaultStaticSecret", str(metadata["name"]))]
    for kind, name in ours:
        path = f"{VAULT_GROUP}/namespaces/{namespace}/{VAULT_KINDS[kind]}/{name}"
        yield SecretController(kind, name, (path,), where, owner=True)


def _find_provider_classes(metadata: KubeObject, namespace: str) -> Iterator[SecretController]:
    if parse_texts(metadata.get("labels")).get(CSI_LABEL) == "true":
        path = f"/apis/secrets-store.csi.x-k8s.io/v1/namespaces/{namespace}/secretproviderclasses"
        yield SecretController("SecretProviderClass", str(metadata["name"]), (path,))


def _find_sealed_secrets(metadata: KubeObject, namespace: str, deployment: str | None) -> Iterator[SecretController]:
    owners = _list_owner_names(metadata, "SealedSecret")
    marked = parse_texts(metadata.get("annotations")).get(SEALED_ANNOTATION) == "true"
    for name in owners or ([str(metadata["name"])] if marked else []):
        path = f"/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets/{name}"
        where = deployment or "kube-system/sealed-secrets-controller"
        yield SecretController("SealedSecret", name, (path,), where, owner=bool(owners))


def _find_copiers(metadata: KubeObject) -> Iterator[SecretController]:
    notes = parse_texts(metadata.get("annotations"))
    for annotation, name in COPIERS.items():
        if notes.get(annotation):
            yield SecretController("Secret", notes[annotation], deployment="", copied_by=f"{name} {annotation}")


def _find_unknown(metadata: KubeObject, key: str, deployment: str | None) -> list[SecretController]:
    """Returns owners of a kind that this program doesn't know, else what has written the key and is no tool."""
    owners = [(str(owner["kind"]), str(owner["name"])) for owner in _list_owners(metadata)]
    foreign = [SecretController(kind, name, (), deployment or "") for kind, name in owners if kind not in WORKLOADS]
    if foreign:
        return foreign
    writers = [entry for entry in _list_managers(metadata) if owns(entry, ("f:data", f"f:{key}"))]
    names = [str(entry.get("manager", "")) for entry in writers]
    return [
        SecretController("field manager", name, (), deployment or "")
        for name in names
        if name != FIELD_MANAGER and not name.startswith(TOOLS)
    ]


def list_secret_writers(
    secret: KubeObject, namespace: str, controllers: Sequence[SecretController], reads: Mapping[str, ReadObject]
) -> tuple[Writer, ...]:
    """Returns a Writer for each controller that is there; `reads` holds what was read at its paths."""
    name = str(secret["metadata"]["name"])
    candidates = (_build_writer(controller, name, namespace, reads) for controller in controllers)
    return tuple(writer for writer in candidates if writer)


def _build_writer(
    controller: SecretController, secret: str, namespace: str, reads: Mapping[str, ReadObject]
) -> Writer | None:
    own = [reads.get(path, ReadObject()) for path in controller.paths]
    item = next((read.item for read in own if read.item is not None), None)
    unreadable = any(read.forbidden for read in own)
    if own and item is None and not unreadable:
        return None  # its marks are left, and nobody follows them
    stopped = reads.get(controller.deployment_path, ReadObject())
    paused = _is_stopped(stopped.item) or (item is not None and _is_paused(controller, item, secret))
    kubectl = f"kubectl --namespace {namespace}"
    if paused:
        resume = f"once its own source names the new database: {_resume(controller, kubectl, secret)}"
        return Writer(controller.kind, controller.name, f"writes Secret {secret}, and is paused", "", False, resume)
    forbidden = unreadable or stopped.forbidden
    unknown = "; whether it is paused can't be read, the right is missing (docs/permissions.md)" if forbidden else ""
    detail = f"writes Secret {secret} and would put its former value back{unknown}"
    return Writer(
        controller.kind, controller.name, detail, _build_stop_commands(controller, kubectl, secret, item), True
    )


def _is_stopped(deployment: KubeObject | None) -> bool:
    """Tells whether a controller's Deployment is at zero replicas and none of its pods is left."""
    if deployment is None:
        return False
    spec: KubeObject = deployment.get("spec") or {}
    status: KubeObject = deployment.get("status") or {}
    return spec.get("replicas") == 0 and not status.get("replicas")


def _is_paused(controller: SecretController, item: KubeObject, secret: str) -> bool:
    """Tells whether its own object says that it leaves the Secret alone.

    External Secrets: `refreshInterval: 0` and `refreshPolicy: CreatedOnce` only end the reading of the store; a Secret
    that differs is put back all the same. With creationPolicy None it writes none, in every release.
    """
    spec: KubeObject = item.get("spec") or {}
    match controller.kind:
        case "ExternalSecret":
            target: KubeObject = spec.get("target") or {}
            return target.get("creationPolicy") == "None"
        case "VaultStaticSecret":
            return spec.get("hmacSecretData") is False and not spec.get("refreshAfter")
        case "SecretProviderClass":
            return not _list_classes(item, secret)
        case _:
            return False


def _list_classes(answer: KubeObject, secret: str) -> list[str]:
    """Returns the SecretProviderClasses of a list that write the Secret."""
    names: list[str] = []
    for item in cast("Sequence[KubeObject]", answer.get("items") or ()):
        spec: KubeObject = item.get("spec") or {}
        objects = cast("Sequence[KubeObject]", spec.get("secretObjects") or ())
        if any(entry.get("secretName") == secret for entry in objects):
            names.append(str(item["metadata"]["name"]))
    return names


def _format_scale(controller: SecretController, replicas: int) -> str:
    namespace, _, name = controller.deployment.partition("/")
    return f"kubectl --namespace {namespace} scale deployment {name} --replicas={replicas}"


def _merge(kubectl: str, controller: SecretController, patch: str) -> str:
    return f"{kubectl} patch {controller.kind.lower()} {controller.name} --type merge --patch '{patch}'"


def _build_stop_commands(controller: SecretController, kubectl: str, secret: str, item: KubeObject | None) -> str:
    """Returns the commands that pause it; none touches another Secret, but for those that stop the controller."""
    match controller.kind:
        case "ExternalSecret":
            alone = _merge(kubectl, controller, '{"spec":{"target":{"creationPolicy":"None"}}}')
            return f"{alone}, or for all Secrets of the cluster: {_format_scale(controller, 0)}"
        case "VaultStaticSecret":
            alone = _merge(kubectl, controller, '{"spec":{"hmacSecretData":false,"refreshAfter":null}}')
            return f"{alone}, or for all Secrets of the cluster: {_format_scale(controller, 0)}"
        case "SecretProviderClass":
            classes = _list_classes(item or {}, secret) or ["<name>"]
            patch = '[{"op":"remove","path":"/spec/secretObjects"}]'
            commands = (f"{kubectl} patch secretproviderclass {name} --type json --patch '{patch}'" for name in classes)
            return "; ".join(commands)
        case "Secret":
            return f"{kubectl} annotate secret {secret} {controller.copied_by.partition(' ')[2]}-"
        case _ if controller.deployment:
            return f"for all that it controls: {_format_scale(controller, 0)}"
        case _:
            where = "pulumi config set --plaintext --path secret.controller <namespace>/<name>"
            stop = "kubectl --namespace <namespace> scale deployment <name> --replicas=0"
            return f"if it is a controller: {stop}; {where}"


def _resume(controller: SecretController, kubectl: str, secret: str) -> str:
    match controller.kind:
        case "ExternalSecret":
            policy = "Owner" if controller.owner else "<Orphan or Merge>"
            return _merge(kubectl, controller, f'{{"spec":{{"target":{{"creationPolicy":"{policy}"}}}}}}')
        case "VaultStaticSecret":
            return _merge(kubectl, controller, '{"spec":{"hmacSecretData":true,"refreshAfter":"<as before>"}}')
        case "SecretProviderClass":
            return f"{kubectl} edit secretproviderclass <name> (spec.secretObjects of Secret {secret})"
        case _:
            return _format_scale(controller, 1)
