"""What else writes to the database, or brings the writers back: found and named. Pure.

Sources: Kubernetes "Horizontal Pod Autoscaling" (inactive at zero replicas), KEDA "Pause autoscaling" and "Scaling
Jobs", Argo Workflows "Cron Workflows" and "Suspending", Argo Rollouts "Migrating to Rollouts" (workloadRef), Knative
Serving "Configuring scale to zero".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from restore.kubernetes.parse import KubeObject, parse_texts
from restore.model.cluster import Writer
from restore.model.nodes import NodePod

MANAGED_BY = ("app.kubernetes.io/managed-by", "pulumi-restore")
"""Label of what this program creates itself."""
PAUSED = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"

REFERENCES = frozenset({"secretKeyRef", "secretRef", "secret"})

KEDA = "/apis/keda.sh/v1alpha1"
ARGO = "/apis/argoproj.io/v1alpha1"
KNATIVE = "/apis/serving.knative.dev/v1"
OPTIONAL = (KEDA, ARGO, KNATIVE)
"""Not every cluster serves these."""
KNATIVE_LABEL = "serving.knative.dev/service"
LISTS = {
    "deployments": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "stateful_sets": "/apis/apps/v1/namespaces/{namespace}/statefulsets",
    "daemon_sets": "/apis/apps/v1/namespaces/{namespace}/daemonsets",
    "cron_jobs": "/apis/batch/v1/namespaces/{namespace}/cronjobs",
    "jobs": "/apis/batch/v1/namespaces/{namespace}/jobs",
    "autoscalers": "/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers",
    "scaled_objects": KEDA + "/namespaces/{namespace}/scaledobjects",
    "scaled_jobs": KEDA + "/namespaces/{namespace}/scaledjobs",
    "workflows": ARGO + "/namespaces/{namespace}/workflows",
    "cron_workflows": ARGO + "/namespaces/{namespace}/cronworkflows",
    "rollouts": ARGO + "/namespaces/{namespace}/rollouts",
    "knative_services": KNATIVE + "/namespaces/{namespace}/services",
}


def _list_none() -> tuple[KubeObject, ...]:
    return ()


@dataclass(frozen=True)
class Workloads:
    """The namespace's objects that can write; one field for each of LISTS."""

    deployments: Sequence[KubeObject] = field(default_factory=_list_none)
    stateful_sets: Sequence[KubeObject] = field(default_factory=_list_none)
    daemon_sets: Sequence[KubeObject] = field(default_factory=_list_none)
    cron_jobs: Sequence[KubeObject] = field(default_factory=_list_none)
    jobs: Sequence[KubeObject] = field(default_factory=_list_none)
    autoscalers: Sequence[KubeObject] = field(default_factory=_list_none)
    scaled_objects: Sequence[KubeObject] = field(default_factory=_list_none)
    scaled_jobs: Sequence[KubeObject] = field(default_factory=_list_none)
    workflows: Sequence[KubeObject] = field(default_factory=_list_none)
    cron_workflows: Sequence[KubeObject] = field(default_factory=_list_none)
    rollouts: Sequence[KubeObject] = field(default_factory=_list_none)
    knative_services: Sequence[KubeObject] = field(default_factory=_list_none)


def find_writers(workloads: Workloads, namespace: str, apps: Collection[str], secret: str) -> tuple[Writer, ...]:
    """Returns all of them but the apps themselves, in the order of their kinds."""
    return (
        *_list_autoscalers(workloads.autoscalers, namespace, apps),
        *_list_scaled_objects(workloads.scaled_objects, namespace, apps),
        *_list_scaled_jobs(workloads.scaled_jobs, namespace, secret),
        *_list_cron_jobs(workloads.cron_jobs, namespace, secret),
        *_list_jobs(workloads.jobs, namespace, secret),
        *_list_cron_workflows(workloads.cron_workflows, namespace, secret),
        *_list_workflows(workloads.workflows, namespace, secret),
        *_list_rollouts(workloads.rollouts, namespace, apps, secret),
        *_list_knative_services(workloads.knative_services, namespace, secret),
        *_list_others("Deployment", workloads.deployments, namespace, apps, secret),
        *_list_others("StatefulSet", workloads.stateful_sets, namespace, (), secret),
        *_list_others("DaemonSet", workloads.daemon_sets, namespace, (), secret),
    )


def read_name(item: KubeObject) -> str:
    return str(item["metadata"]["name"])


def _read_spec(item: KubeObject) -> KubeObject:
    return cast("KubeObject", item.get("spec") or {})


def _read_target(item: KubeObject) -> tuple[str, str]:
    target: KubeObject = _read_spec(item).get("scaleTargetRef") or {}
    return str(target.get("kind") or "Deployment"), str(target.get("name", ""))


def _list_autoscalers(items: Sequence[KubeObject], namespace: str, apps: Collection[str]) -> Iterator[Writer]:
    for item in items:
        kind, target = _read_target(item)
        if kind == "Deployment" and target in apps:
            low = _read_spec(item).get("minReplicas", 1)
            detail = f"scales Deployment {target} (at least {low}); inactive while it is at zero replicas"
            stop = f"kubectl --namespace {namespace} delete hpa {read_name(item)}"
            yield Writer("HorizontalPodAutoscaler", read_name(item), detail, stop, blocking=False)


def _list_scaled_objects(items: Sequence[KubeObject], namespace: str, apps: Collection[str]) -> Iterator[Writer]:
    for item in items:
        kind, target = _read_target(item)
        if kind == "Deployment" and target in apps:
            notes = parse_texts(item["metadata"].get("annotations"))
            resting = _is_paused(item) or notes.get(PAUSED_REPLICAS) == "0"
            rest = "paused" if resting else "brings it back from zero replicas"
            annotate = f"kubectl --namespace {namespace} annotate scaledobject {read_name(item)}"
            resume = f"{annotate} {PAUSED}- {PAUSED_REPLICAS}-" if resting else ""
            detail = f"scales Deployment {target}; {rest}"
            yield Writer("ScaledObject", read_name(item), detail, f"{annotate} {PAUSED}=true", not resting, resume)


def _list_starter(
    kind: str, item: KubeObject, does: str, spec: KubeObject, secret: str, commands: tuple[str, str], *, resting: bool
) -> Iterator[Writer]:
    """What starts pods, or is one, as a writer: it blocks when its pods get the secret and it isn't at rest. Of what
    rests and has no secret nothing is said.

    `spec`: what its pods are made of. `commands`: the one that stops it, and the one that lets it go on.
    """
    uses = references_secret(spec, secret)
    detail = f"{'is suspended' if resting else does}{f', with the secret {secret}' if uses else ', without the secret'}"
    if uses or not resting:
        resume = commands[1] if resting else ""
        yield Writer(kind, read_name(item), detail, commands[0], blocking=uses and not resting, resume=resume)


def _is_paused(scaled: KubeObject) -> bool:
    return parse_texts(scaled["metadata"].get("annotations")).get(PAUSED, "").lower() == "true"


def _list_scaled_jobs(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    for item in items:
        resting = _is_paused(item)
        annotate = f"kubectl --namespace {namespace} annotate scaledjob {read_name(item)} {PAUSED}"
        commands = (f"{annotate}=true", f"{annotate}-")
        yield from _list_starter(
            "ScaledJob", item, "starts Jobs by itself", _read_spec(item), secret, commands, resting=resting
        )


def _list_cron_workflows(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    for item in items:
        spec = _resolve_template(_read_spec(item), "workflowSpec", secret)
        resting, commands = bool(_read_spec(item).get("suspend")), _format_suspending(namespace, "cronworkflow", item)
        yield from _list_starter("CronWorkflow", item, "starts Workflows", spec, secret, commands, resting=resting)


def _list_workflows(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    """A suspended one goes on with the pods that it has: it is no rest."""
    for item in items:
        status: KubeObject = item.get("status") or {}
        if status.get("phase") not in ENDED:
            spec = _resolve_template({"own": _read_spec(item)}, "own", secret)
            patch = """--type merge --patch '{"spec":{"shutdown":"Stop"}}'"""
            stop = f"kubectl --namespace {namespace} patch workflow {read_name(item)} {patch}"
            yield from _list_starter("Workflow", item, "is running", spec, secret, (stop, ""), resting=False)


ENDED = frozenset({"Succeeded", "Failed", "Error"})


def _resolve_template(spec: KubeObject, field_name: str, secret: str) -> KubeObject:
    """Returns the specification; what is written elsewhere (workflowTemplateRef) counts as using the secret."""
    own: KubeObject = spec.get(field_name) or {}
    return {"secretRef": {"name": secret}} if own.get("workflowTemplateRef") else spec


def _list_rollouts(items: Sequence[KubeObject], namespace: str, apps: Collection[str], secret: str) -> Iterator[Writer]:
    """An Argo Rollout that runs the pods of a Deployment: the Deployment at zero replicas stops none of them."""
    for item in items:
        spec, name = _read_spec(item), read_name(item)
        reference: KubeObject = spec.get("workloadRef") or {}
        replicas = spec.get("replicas", 1)
        patch = f"kubectl --namespace {namespace} patch rollout {name} --type merge --patch"
        stop, resume = (f"""{patch} '{{"spec":{{"replicas":{count}}}}}'""" for count in (0, "<as before>"))
        if reference.get("kind") == "Deployment" and reference.get("name") in apps:
            target = reference["name"]
            detail = f"runs the pods of Deployment {target} (workloadRef): its replicas stop nothing"
            yield Writer("Rollout", name, detail, stop, bool(replicas), "" if replicas else resume)
        elif references_secret(_find_template_spec(spec), secret) or reference:
            what = f"runs pods as {reference.get('name')} says" if reference else f"has the secret {secret}"
            yield Writer(
                "Rollout", name, f"{what}, {replicas} replicas", stop, bool(replicas), "" if replicas else resume
            )


def _list_knative_services(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    """Any request brings one back from zero, whatever its Deployment's replicas are."""
    for item in items:
        stop = f"kubectl --namespace {namespace} delete service.serving.knative.dev {read_name(item)}"
        commands = (f"{stop} (its manifest brings it back afterwards)", "")
        yield from _list_starter(
            "KnativeService", item, "starts pods at a request", _read_spec(item), secret, commands, resting=False
        )


def _list_cron_jobs(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    for item in items:
        spec = _read_spec(item)
        does = f"starts Jobs at {spec.get('schedule', 'unknown times')!r}"
        commands = _format_suspending(namespace, "cronjob", item)
        yield from _list_starter("CronJob", item, does, spec, secret, commands, resting=bool(spec.get("suspend")))


def _list_jobs(items: Sequence[KubeObject], namespace: str, secret: str) -> Iterator[Writer]:
    for item in items:
        ours = parse_texts(item["metadata"].get("labels")).get(MANAGED_BY[0]) == MANAGED_BY[1]
        active, suspended = _is_active(item), bool(_read_spec(item).get("suspend"))
        if (active or suspended) and not ours:
            commands = _format_suspending(namespace, "job", item)
            yield from _list_starter("Job", item, "is running", _read_spec(item), secret, commands, resting=not active)


def _is_active(job: KubeObject) -> bool:
    status: KubeObject = job.get("status") or {}
    conditions = cast("Sequence[KubeObject]", status.get("conditions") or ())
    ended = any(item.get("type") in {"Complete", "Failed"} and item.get("status") == "True" for item in conditions)
    running = bool(status.get("active") or status.get("terminating"))
    return running or not (ended or _read_spec(job).get("suspend"))


def _format_suspending(namespace: str, word: str, item: KubeObject) -> tuple[str, str]:
    """Returns the commands that suspend it and let it go on."""
    kubectl = f"kubectl --namespace {namespace} patch {word} {read_name(item)}"
    how = " --type merge" if word == "cronworkflow" else ""  # the API patches custom resources in no other way
    stop, resume = (f"""{kubectl}{how} --patch '{{"spec":{{"suspend":{value}}}}}'""" for value in ("true", "false"))
    return stop, resume


def _list_others(
    kind: str, items: Sequence[KubeObject], namespace: str, apps: Collection[str], secret: str
) -> Iterator[Writer]:
    """Workloads that have the same secret: they write to the source while the apps don't."""
    for item in items:
        name, replicas = read_name(item), _read_spec(item).get("replicas", 1)
        if KNATIVE_LABEL in parse_texts(item["metadata"].get("labels")):
            continue  # told as the Service that it belongs to
        if name not in apps and replicas and references_secret(_find_template_spec(_read_spec(item)), secret):
            stop, size = f"scale {kind.lower()} {name} --replicas=0", f", {replicas} replicas"
            if kind == "DaemonSet":
                stop, size = f"delete daemonset {name}", ""
            advice = "add it to this stack's apps, or: " if kind == "Deployment" else ""
            stop = f"{advice}kubectl --namespace {namespace} {stop}"
            yield Writer(kind, name, f"has the secret {secret}{size}", stop, blocking=True)


KEPT_BY = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Workflow"})
"""Owners of pods that are told as the workload that made them."""


def list_pod_writers(pods: Sequence[NodePod], namespace: str, secret: str) -> tuple[Writer, ...]:
    """Returns the running pods that get the secret and are of no workload that is looked at: made by hand, or by an
    operator's own resource. No scaling stops them."""
    return tuple(
        Writer(
            "Pod",
            pod.name,
            f"has the secret {secret}; {f'{pod.owner} keeps it' if pod.owner else 'somebody has made it by hand'}",
            f"kubectl --namespace {namespace} delete pod {pod.name}"
            + (f" (once {pod.owner} is stopped, which would make it again)" if pod.owner else ""),
            blocking=True,
        )
        for pod in pods
        if secret in pod.secrets and not pod.ended and pod.owner.partition("/")[0] not in KEPT_BY
    )


def list_other_workloads(workloads: Workloads, apps: Collection[str]) -> Iterator[tuple[str, str, KubeObject]]:
    """Returns kind, name and pod specification of what else runs, or starts by itself."""
    for item in workloads.deployments:
        if read_name(item) not in apps and _read_spec(item).get("replicas", 1):
            yield "Deployment", read_name(item), read_pod_spec(item)
    for item in workloads.stateful_sets:
        if _read_spec(item).get("replicas", 1):
            yield "StatefulSet", read_name(item), read_pod_spec(item)
    yield from (("DaemonSet", read_name(item), read_pod_spec(item)) for item in workloads.daemon_sets)
    for item in workloads.cron_jobs:
        if not _read_spec(item).get("suspend"):
            yield (
                "CronJob",
                read_name(item),
                _find_template_spec(_read_spec(cast("KubeObject", _read_spec(item).get("jobTemplate") or {}))),
            )
    for item in workloads.jobs:
        if _is_active(item) and parse_texts(item["metadata"].get("labels")).get(MANAGED_BY[0]) != MANAGED_BY[1]:
            yield "Job", read_name(item), read_pod_spec(item)
    yield from _list_other_custom_resources(workloads)


def _list_other_custom_resources(workloads: Workloads) -> Iterator[tuple[str, str, KubeObject]]:
    for item in workloads.scaled_jobs:
        if not _is_paused(item):
            job: KubeObject = _read_spec(item).get("jobTargetRef") or {}
            yield "ScaledJob", read_name(item), _find_template_spec(job)
    for item in workloads.rollouts:
        if _read_spec(item).get("replicas", 1):  # of a workloadRef the template is empty, and that Deployment's counts
            yield "Rollout", read_name(item), read_pod_spec(item)
    yield from (("KnativeService", read_name(item), read_pod_spec(item)) for item in workloads.knative_services)


def read_pod_spec(item: KubeObject) -> KubeObject:
    """Returns the pod's specification in the template of a workload."""
    return _find_template_spec(_read_spec(item))


def _find_template_spec(spec: KubeObject) -> KubeObject:
    template: KubeObject = spec.get("template") or {}
    return _read_spec(template)


def references_secret(pod_spec: KubeObject, secret: str) -> bool:
    """Tells whether pods of this specification get a Secret as variables, a volume, or a part of a projected one."""
    return secret in set(_list_references(pod_spec))


def _list_references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in cast("Mapping[str, object]", node).items():
            if key in REFERENCES and isinstance(value, Mapping):
                named = cast("KubeObject", value)
                yield str(named.get("name") or named.get("secretName") or "")
            yield from _list_references(cast("object", value))
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _list_references(item)
