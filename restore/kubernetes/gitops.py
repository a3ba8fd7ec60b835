"""Who else keeps an object as it should be by its own idea: Argo CD, Flux, the controller that owns it. Pure.

Sources: Argo CD "Resource Tracking" and "Skip Reconcile"; Flux "Kustomization" and "HelmRelease" API pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from restore.kubernetes.api import ReadObject
from restore.kubernetes.parse import KubeObject, parse_texts
from restore.model.cluster import Writer

ARGO_ID = "argocd.argoproj.io/tracking-id"
ARGO_LABEL = "argocd.argoproj.io/instance"
ARGO_SHARED_LABEL = "app.kubernetes.io/instance"
ARGO_SKIP = "argocd.argoproj.io/skip-reconcile"
ARGO_NAMESPACE = "argocd"
FLUX = {
    "kustomize.toolkit.fluxcd.io": ("kustomize.toolkit.fluxcd.io/v1", "kustomizations", "kustomization"),
    "helm.toolkit.fluxcd.io": ("helm.toolkit.fluxcd.io/v2", "helmreleases", "helmrelease"),
}
"""API version, resource and word of the flux command, by the prefix of the labels."""


@dataclass(frozen=True)
class Owner:
    """Something that may undo a change of the objects it owns."""

    kind: str
    """ArgoCD, Flux, or the kind of the owning object."""
    name: str
    namespace: str
    path: str | None
    """The path of its own object, which says whether it is suspended; None where that isn't known."""
    stop: str
    resume: str = ""


def find_owners(kind: str, item: KubeObject, namespace: str) -> tuple[Owner, ...]:
    """Returns all owners of an object that aren't told, on the object itself, to leave it alone.

    The controllers of a Secret are known by more than an owner's mark: restore/kubernetes/secret_controllers.py.
    """
    metadata: KubeObject = item["metadata"]
    labels, notes = parse_texts(metadata.get("labels")), parse_texts(metadata.get("annotations"))
    controllers = () if kind == "Secret" else _find_controllers(metadata, namespace)
    return (*_find_argo(metadata, labels, notes), *_find_flux(labels, notes, namespace), *controllers)


def _find_argo(metadata: KubeObject, labels: Mapping[str, str], notes: Mapping[str, str]) -> Iterator[Owner]:
    application = notes.get(ARGO_ID, "").split(":", 1)[0] or labels.get(ARGO_LABEL)
    if not application and _is_written_by(metadata, "argocd"):
        application = labels.get(ARGO_SHARED_LABEL) or "unknown"
    if application:
        namespace, _, name = application.rpartition("_")
        namespace = namespace or ARGO_NAMESPACE
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications/{name}"
        stop, resume = (f"argocd app set {namespace}/{name} --sync-policy {policy}" for policy in ("none", "automated"))
        yield Owner("ArgoCD", name, namespace, path, stop, resume)


def _is_written_by(metadata: KubeObject, prefix: str) -> bool:
    entries = cast("Sequence[KubeObject]", metadata.get("managedFields") or ())
    return any(str(entry.get("manager", "")).startswith(prefix) for entry in entries)


def _find_flux(labels: Mapping[str, str], notes: Mapping[str, str], namespace: str) -> Iterator[Owner]:
    for prefix, (version, resource, word) in FLUX.items():
        name = labels.get(f"{prefix}/name")
        left_alone = notes.get(f"{prefix}/reconcile") == "disabled" or notes.get(f"{prefix}/ssa") == "Ignore"
        if name and not left_alone:
            home = labels.get(f"{prefix}/namespace", namespace)
            path = f"/apis/{version}/namespaces/{home}/{resource}/{name}"
            stop, resume = (f"flux {verb} {word} {name} --namespace {home}" for verb in ("suspend", "resume"))
            yield Owner("Flux", f"{word} {name}", home, path, stop, resume)


def _find_controllers(metadata: KubeObject, namespace: str) -> Iterator[Owner]:
    for owner in cast("Sequence[KubeObject]", metadata.get("ownerReferences") or ()):
        if owner.get("controller"):
            kind, name = str(owner["kind"]), str(owner["name"])
            stop = (
                f"take it out of the hands of {kind} {name}: see kubectl --namespace {namespace} describe {kind} {name}"
            )
            yield Owner(kind, name, namespace, None, stop)


def is_suspended(owner: Owner, custom_resource: KubeObject | None) -> bool:
    """Tells whether the owner leaves its objects alone now. Unknown (None) is no."""
    if custom_resource is None:
        return False
    spec: KubeObject = custom_resource.get("spec") or {}
    metadata: KubeObject = custom_resource.get("metadata") or {}
    if owner.kind == "ArgoCD":
        policy: KubeObject = spec.get("syncPolicy") or {}
        skipped = parse_texts(metadata.get("annotations")).get(ARGO_SKIP) == "true"
        automated = cast("KubeObject | None", policy.get("automated"))
        return skipped or automated is None or automated.get("enabled") is False
    return bool(spec.get("suspend"))


def list_writers(
    items: Iterable[tuple[str, KubeObject]], namespace: str, reads: Mapping[str, ReadObject]
) -> tuple[Writer, ...]:
    """Returns one Writer for each owner of these objects (kind, object); `reads` has the owners' objects by path."""
    owned: dict[Owner, list[str]] = {}
    for kind, item in items:
        for owner in find_owners(kind, item, namespace):
            owned.setdefault(owner, []).append(f"{kind} {item['metadata']['name']}")
    return tuple(
        _build_writer(owner, names, reads.get(owner.path or "", ReadObject())) for owner, names in owned.items()
    )


def _build_writer(owner: Owner, names: Sequence[str], read: ReadObject) -> Writer:
    resting = is_suspended(owner, read.item)
    return Writer(
        kind=owner.kind,
        name=owner.name,
        detail=f"owns {', '.join(names)} and {'is suspended' if resting else _describe_unrest(owner, read)}",
        stop=owner.stop,
        blocking=not resting,
        resume=owner.resume if resting else "",
        namespace=owner.namespace if owner.path else "",
    )


def _describe_unrest(owner: Owner, read: ReadObject) -> str:
    """Returns what is known of an owner that isn't known to be suspended."""
    if read.forbidden:
        unread = "whether it is suspended can't be read, the right is missing"
        return f"may undo what is changed there: {unread} (docs/permissions.md, namespace {owner.namespace})"
    gone = f"; its own object is not in namespace {owner.namespace}" if owner.path and read.item is None else ""
    return f"undoes what is changed there{gone}"
