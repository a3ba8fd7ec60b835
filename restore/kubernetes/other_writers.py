"""What else writes to the database, or brings the writers back: found and named. Pure.

Sources: Kubernetes "Horizontal Pod Autoscaling" (inactive at zero replicas), KEDA "Pause autoscaling".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from restore.kubernetes.parse import KubeObject, texts
from restore.model.cluster import Writer

MANAGED_BY = ("app.kubernetes.io/managed-by", "pulumi-restore")
"""Label of what this program creates itself."""
PAUSED = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"

REFERENCES = frozenset({"secretKeyRef", "secretRef", "secret"})

KEDA = "/apis/keda.sh/v1alpha1"
LISTS = {
    "deployments": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "stateful_sets": "/apis/apps/v1/namespaces/{namespace}/statefulsets",
    "daemon_sets": "/apis/apps/v1/namespaces/{namespace}/daemonsets",
    "cron_jobs": "/apis/batch/v1/namespaces/{namespace}/cronjobs",
    "jobs": "/apis/batch/v1/namespaces/{namespace}/jobs",
    "autoscalers": "/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers",
    "scaled_objects": KEDA + "/namespaces/{namespace}/scaledobjects",
}


def _none() -> tuple[KubeObject, ...]:
    return ()


@dataclass(frozen=True)
class Workloads:
    """The namespace's objects that can write; one field for each of LISTS."""

    deployments: Sequence[KubeObject] = field(default_factory=_none)
    stateful_sets: Sequence[KubeObject] = field(default_factory=_none)
    daemon_sets: Sequence[KubeObject] = field(default_factory=_none)
    cron_jobs: Sequence[KubeObject] = field(default_factory=_none)
    jobs: Sequence[KubeObject] = field(default_factory=_none)
    autoscalers: Sequence[KubeObject] = field(default_factory=_none)
    scaled_objects: Sequence[KubeObject] = field(default_factory=_none)


def writers(workloads: Workloads, namespace: str, apps: Collection[str], secret: str) -> tuple[Writer, ...]:
    """Returns all of them but the apps themselves, in the order of their kinds."""
    return (
        *_autoscalers(workloads.autoscalers, namespace, apps),
        *_scaled_objects(workloads.scaled_objects, namespace, apps),
        *_cron_jobs(workloads.cron_jobs, namespace, secret),
        *_jobs(workloads.jobs, namespace, secret),
        *_others("Deployment", workloads.deployments, namespace, apps, secret),
        *_others("StatefulSet", workloads.stateful_sets, namespace, (), secret),
        *_others("DaemonSet", workloads.daemon_sets, namespace, (), secret),
    )


def name_of(item: KubeObject) -> str:
    return str(item["metadata"]["name"])


def _spec(item: KubeObject) -> KubeObject:
    return cast("KubeObject", item.get("spec") or {})


def _target(item: KubeObject) -> tuple[str, str]:
    target: KubeObject = _spec(item).get("scaleTargetRef") or {}
    return str(target.get("kind") or "Deployment"), str(target.get("name", ""))


def _autoscalers(items: Sequence[KubeObject], namespace: str, apps: Collection[str]) -> Iterator[Writer]:
    for item in items:
        kind, target = _target(item)
        if kind == "Deployment" and target in apps:
            low = _spec(item).get("minReplicas", 1)
            detail = f"scales Deployment {target} (at least {low}); inactive while it is at zero replicas"
            stop = f"kubectl --namespace {namespace} delete hpa {name_of(item)}"
            yield Writer("HorizontalPodAutoscaler", name_of(item), detail, stop, blocking=False)


def _scaled_objects(items: Sequence[KubeObject], namespace: str, apps: Collection[str]) -> Iterator[Writer]:
    for item in items:
        kind, target = _target(item)
        if kind == "Deployment" and target in apps:
            notes = texts(item["metadata"].get("annotations"))
            resting = notes.get(PAUSED, "").lower() == "true" or notes.get(PAUSED_REPLICAS) == "0"
            rest = "paused" if resting else "brings it back from zero replicas"
            stop = f"kubectl --namespace {namespace} annotate scaledobject {name_of(item)} {PAUSED}=true"
            yield Writer("ScaledObject", name_of(item), f"scales Deployment {target}; {rest}", stop, not resting)


def _cron_jobs(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    for item in items:
        spec = _spec(item)
        if not spec.get("suspend"):
            job: KubeObject = spec.get("jobTemplate") or {}
            detail = f"starts Jobs at {spec.get('schedule', 'unknown times')!r}{_reads(_pod_spec(_spec(job)), secret)}"
            yield Writer("CronJob", name_of(item), detail, _suspend(namespace, "cronjob", item), blocking=True)


def _jobs(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    for item in items:
        if _active(item) and texts(item["metadata"].get("labels")).get(MANAGED_BY[0]) != MANAGED_BY[1]:
            detail = f"is running{_reads(_pod_spec(_spec(item)), secret)}"
            yield Writer("Job", name_of(item), detail, _suspend(namespace, "job", item), blocking=True)


def _active(job: KubeObject) -> bool:
    status: KubeObject = job.get("status") or {}
    conditions = cast("Sequence[KubeObject]", status.get("conditions") or ())
    ended = any(item.get("type") in {"Complete", "Failed"} and item.get("status") == "True" for item in conditions)
    running = bool(status.get("active") or status.get("terminating"))
    return running or not (ended or _spec(job).get("suspend"))


def _suspend(namespace: str, word: str, item: KubeObject) -> str:
    return f'kubectl --namespace {namespace} patch {word} {name_of(item)} --patch \'{{"spec":{{"suspend":true}}}}\''


def _others(
    kind: str, items: Sequence[KubeObject], namespace: str, apps: Collection[str], secret: str
) -> Iterator[Writer]:
    """Workloads that have the same secret: they write to the source while the apps don't."""
    for item in items:
        name, replicas = name_of(item), _spec(item).get("replicas", 1)
        if name not in apps and replicas and references_secret(_pod_spec(_spec(item)), secret):
            stop, size = f"scale {kind.lower()} {name} --replicas=0", f", {replicas} replicas"
            if kind == "DaemonSet":
                stop, size = f"delete daemonset {name}", ""
            advice = "add it to this stack's apps, or: " if kind == "Deployment" else ""
            stop = f"{advice}kubectl --namespace {namespace} {stop}"
            yield Writer(kind, name, f"has the secret {secret}{size}", stop, blocking=True)


def _pod_spec(spec: KubeObject) -> KubeObject:
    template: KubeObject = spec.get("template") or {}
    return _spec(template)


def _reads(pod_spec: KubeObject, secret: str) -> str:
    return f", with the secret {secret}" if references_secret(pod_spec, secret) else ""


def references_secret(pod_spec: KubeObject, secret: str) -> bool:
    """Tells whether a pod gets a Secret as variables, a volume, or a part of a projected volume."""
    return secret in set(_references(pod_spec))


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in cast("Mapping[str, object]", node).items():
            if key in REFERENCES and isinstance(value, Mapping):
                named = cast("KubeObject", value)
                yield str(named.get("name") or named.get("secretName") or "")
            yield from _references(cast("object", value))
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _references(item)
