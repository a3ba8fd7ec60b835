"""Autoscalers: load that makes an HPA scale as soon as an application serves, and KEDA's operator.

Sources: Kubernetes, "Horizontal Pod Autoscaling"; KEDA, "Scaling Deployments", "Scaling Jobs", "Pause autoscaling".
"""

from __future__ import annotations

from sandbox.application.kubernetes_api import Json
from sandbox.application.manifests import writing_pod
from sandbox.application.names import NAMESPACE
from sandbox.trouble.controllers.loop import Controller, say
from sandbox.trouble.custom_resources import SCALED_JOB, SCALED_OBJECT, annotations_of, owner, post

DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
AUTOSCALERS = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
HPA_MANAGER = "kube-controller-manager"
KEDA_MANAGER = "keda"
PAUSED, PAUSED_REPLICAS = "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"
JOB_LABEL = "scaledjob.keda.sh/name"
UNDER_LOAD = 2
"""Replicas that the load needs beyond what a Deployment had when it came back."""


def run_load(controller: Controller) -> None:
    """What the metrics of an HPA would say: the API server here has no metrics, so its decision is made here."""
    replicas_of: dict[str, int] = {}
    controller.run(lambda: follow_load(controller, replicas_of))


def follow_load(controller: Controller, replicas_of: dict[str, int]) -> None:
    """A target that comes back from zero is scaled up once, within what its HPA allows."""
    for autoscaler in controller.kube.request("GET", AUTOSCALERS)["items"]:
        name, most = autoscaler["spec"]["scaleTargetRef"]["name"], autoscaler["spec"]["maxReplicas"]
        replicas = controller.kube.request("GET", f"{DEPLOYMENTS}/{name}")["spec"]["replicas"]
        if replicas == 0:
            replicas_of.pop(name, None)
        elif name not in replicas_of:
            replicas_of[name] = min(most, replicas + UNDER_LOAD)
            scale(controller, name, replicas_of[name], HPA_MANAGER)


def scale(controller: Controller, name: str, replicas: int, manager: str) -> None:
    body = {"spec": {"replicas": replicas}}
    controller.kube.request("PATCH", f"{DEPLOYMENTS}/{name}/scale", body=body, query={"fieldManager": manager})
    say(f"{name} scaled to {replicas}")


def run_keda_objects(controller: Controller) -> None:
    def look() -> None:
        for scaled in controller.kube.request("GET", SCALED_OBJECT.path())["items"]:
            scale_object(controller, scaled)

    controller.run(look)


def run_keda_jobs(controller: Controller) -> None:
    def look() -> None:
        for scaled in controller.kube.request("GET", SCALED_JOB.path())["items"]:
            scale_job(controller, scaled)

    controller.run(look)


def scale_object(controller: Controller, scaled: Json) -> None:
    """There is work: from zero KEDA scales to its minimum itself, above it leaves that to its HPA."""
    name, notes = scaled["spec"]["scaleTargetRef"]["name"], annotations_of(scaled)
    if PAUSED_REPLICAS in notes:
        target = int(notes[PAUSED_REPLICAS])
    elif notes.get(PAUSED) == "true":
        return
    else:
        target = max(1, int(scaled["spec"].get("minReplicaCount", 0)))
        post(controller.kube, AUTOSCALERS, autoscaler_of(scaled), KEDA_MANAGER)
    replicas = controller.kube.request("GET", f"{DEPLOYMENTS}/{name}")["spec"]["replicas"]
    if (replicas == 0 or PAUSED_REPLICAS in notes) and replicas != target:
        scale(controller, name, target, KEDA_MANAGER)


def autoscaler_of(scaled: Json) -> Json:
    spec = scaled["spec"]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": spec["scaleTargetRef"]["name"]}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    name = f"keda-hpa-{scaled['metadata']['name']}"
    metadata = {"name": name, "namespace": NAMESPACE, "ownerReferences": [owner(scaled, controller=True)]}
    replicas = {"minReplicas": max(1, spec.get("minReplicaCount", 0)), "maxReplicas": spec.get("maxReplicaCount", 100)}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": {"scaleTargetRef": target, **replicas, "metrics": [metric]},
    }


def scale_job(controller: Controller, scaled: Json) -> None:
    """There is work: one Job runs at a time, until the ScaledJob is paused."""
    name = scaled["metadata"]["name"]
    jobs = controller.kube.list("Job", NAMESPACE, f"{JOB_LABEL}={name}")
    if annotations_of(scaled).get(PAUSED) == "true" or any(job.get("status", {}).get("active") for job in jobs):
        return
    if any(not job.get("status") for job in jobs):
        return  # made a moment ago
    metadata: Json = {"generateName": f"{name}-", "namespace": NAMESPACE, "labels": {JOB_LABEL: name}}
    metadata["ownerReferences"] = [owner(scaled, controller=True)]
    spec = scaled["spec"].get("jobTargetRef") or {"template": writing_pod(name)}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {**spec, "backoffLimit": 0}}
    controller.kube.request("POST", JOBS, body=body, query={"fieldManager": KEDA_MANAGER})
    say(f"a Job of {name} started")
