"""Troubles of the cluster: what scales, starts or heals pods that should stay away, and pods that never end."""

from __future__ import annotations

import json
from typing import Any

from sandbox.application import manifests, names
from sandbox.application.kubernetes_api import Json
from sandbox.cluster import KubernetesCluster
from sandbox.machine.processes import wait_until
from sandbox.trouble.controllers.argo import ARGO_NAMESPACE, WORKFLOW_LABEL
from sandbox.trouble.controllers.autoscalers import JOB_LABEL
from sandbox.trouble.custom_resources import (
    APPLICATION,
    CRON_WORKFLOW,
    KNATIVE_SERVICE,
    ROLLOUT,
    SCALED_JOB,
    SCALED_OBJECT,
    WORKFLOW,
    install,
    owner,
    post,
    remove,
)
from sandbox.trouble.stage import SECONDS, Memory, Stage, Trouble

APP = "indexer"
"""The Deployment of the application that these troubles meet."""
DEAD_NODE = "sandbox-dead"
FINALIZER = "sandbox/never-ends"
PODS = f"/api/v1/namespaces/{names.NAMESPACE}/pods"
REPLICA_SETS = f"/apis/apps/v1/namespaces/{names.NAMESPACE}/replicasets"
JOB, WORKFLOW_NAME, FUNCTION = "reindex", "nightly-report", "webhooks"
REVISION = f"{FUNCTION}-00001-deployment"
POD_HASH = "5f8c7d9b4"


def scale_under_load(stage: Stage) -> Memory:
    stage.kube.create(manifests.autoscaler(APP, least=1, most=8))
    return {"controller": stage.start("load", "kube-system", "load")}


def end_load(stage: Stage, memory: Memory) -> None:
    stage.stop(memory["controller"])
    stage.kube.delete("HorizontalPodAutoscaler", names.NAMESPACE, APP)
    stage.kube.scale(APP, names.NAMESPACE, names.DEPLOYMENTS[APP])


def keda_object(stage: Stage) -> Memory:
    install(stage.kube, SCALED_OBJECT)
    trigger = {"type": "aws-sqs-queue", "metadata": {"queueLength": "5", "awsRegion": names.REGION}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP}
    spec = {"scaleTargetRef": target, "minReplicaCount": 2, "maxReplicaCount": 8, "triggers": [trigger]}
    post(stage.kube, SCALED_OBJECT.path(), SCALED_OBJECT.object(APP, spec))
    return {"controller": stage.start("keda-objects", "keda", "keda-operator")}


def end_keda_object(stage: Stage, memory: Memory) -> None:
    stage.stop(memory["controller"])
    remove(stage.kube, SCALED_OBJECT.path(APP))
    stage.kube.delete("HorizontalPodAutoscaler", names.NAMESPACE, f"keda-hpa-{APP}")


def keda_job(stage: Stage) -> Memory:
    install(stage.kube, SCALED_JOB)
    trigger = {"type": "postgresql", "metadata": {"targetQueryValue": "1"}}
    spec = {"jobTargetRef": {"template": manifests.writing_pod(JOB)}, "maxReplicaCount": 1, "triggers": [trigger]}
    post(stage.kube, SCALED_JOB.path(), SCALED_JOB.object(JOB, spec))
    return {"controller": stage.start("keda-jobs", "keda", "keda-operator-jobs")}


def end_keda_job(stage: Stage, memory: Memory) -> None:
    stage.stop(memory["controller"])
    remove(stage.kube, SCALED_JOB.path(JOB))
    for job in stage.kube.list("Job", names.NAMESPACE, f"{JOB_LABEL}={JOB}"):
        stage.kube.delete("Job", names.NAMESPACE, job["metadata"]["name"])


def cron_workflow(stage: Stage) -> Memory:
    install(stage.kube, WORKFLOW, CRON_WORKFLOW)
    template = {"name": "main", "container": manifests.container(WORKFLOW_NAME)}
    spec = {"schedules": ["* * * * *"], "workflowSpec": {"entrypoint": "main", "templates": [template]}}
    post(stage.kube, CRON_WORKFLOW.path(), CRON_WORKFLOW.object(WORKFLOW_NAME, spec))
    return {"controller": stage.start("argo-workflows", "argo", "workflow-controller")}


def end_cron_workflow(stage: Stage, memory: Memory) -> None:
    stage.stop(memory["controller"])
    remove(stage.kube, CRON_WORKFLOW.path(WORKFLOW_NAME))
    for workflow in stage.kube.request("GET", WORKFLOW.path())["items"]:
        remove(stage.kube, WORKFLOW.path(workflow["metadata"]["name"]))
    for pod in stage.kube.list("Pod", names.NAMESPACE, WORKFLOW_LABEL):
        stage.kube.delete("Pod", names.NAMESPACE, pod["metadata"]["name"])


def knative_service(stage: Stage) -> Memory:
    """What Knative makes of a Service: a Deployment of its Revision, which belongs to it and scales with requests."""
    install(stage.kube, KNATIVE_SERVICE)
    template = {"spec": {"containers": [manifests.container(FUNCTION)]}}
    post(stage.kube, KNATIVE_SERVICE.path(), KNATIVE_SERVICE.object(FUNCTION, {"template": template}))
    service = stage.kube.request("GET", KNATIVE_SERVICE.path(FUNCTION))
    deployment = manifests.deployment(REVISION, 1, {"serving.knative.dev/service": FUNCTION})
    deployment["metadata"]["ownerReferences"] = [owner(service, controller=True)]
    stage.kube.create(deployment)
    return {}


def end_knative_service(stage: Stage, _: Memory) -> None:
    remove(stage.kube, KNATIVE_SERVICE.path(FUNCTION))
    stage.kube.delete("Deployment", names.NAMESPACE, REVISION)


def rollout(stage: Stage) -> Memory:
    """What Argo Rollouts makes of a Rollout with workloadRef: the Deployment is at zero, its pods run elsewhere."""
    install(stage.kube, ROLLOUT)
    deployment: Any = stage.kube.get("Deployment", names.NAMESPACE, APP)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP, "scaleDown": "onsuccess"}
    replicas = deployment["spec"]["replicas"]
    spec: Json = {"replicas": replicas, "workloadRef": reference, "strategy": {"canary": {}}}
    post(stage.kube, ROLLOUT.path(), ROLLOUT.object(APP, spec))
    replicas_object = replica_set(stage.kube.request("GET", ROLLOUT.path(APP)), deployment, replicas)
    post(stage.kube, REPLICA_SETS, replicas_object, "rollouts-controller")
    stage.kube.scale(APP, names.NAMESPACE, 0)
    return {"replicas": replicas}


def replica_set(rollout_object: Json, deployment: Json, replicas: int) -> Json:
    labels = {**deployment["spec"]["template"]["metadata"]["labels"], "rollouts-pod-template-hash": POD_HASH}
    metadata: Json = {"name": f"{APP}-{POD_HASH}", "namespace": names.NAMESPACE, "labels": labels}
    metadata["ownerReferences"] = [owner(rollout_object, controller=True)]
    template = {"metadata": {"labels": labels}, "spec": deployment["spec"]["template"]["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def end_rollout(stage: Stage, memory: Memory) -> None:
    remove(stage.kube, ROLLOUT.path(APP))
    stage.kube.delete("ReplicaSet", names.NAMESPACE, f"{APP}-{POD_HASH}")
    stage.kube.scale(APP, names.NAMESPACE, memory["replicas"])


def argo_application(stage: Stage) -> Memory:
    """The Deployment is tracked by an Application in the namespace argocd, which heals it."""
    install(stage.kube, APPLICATION)
    stage.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ARGO_NAMESPACE}})
    source = {"repoURL": "https://git.ghost.example/deploy", "path": "sandbox", "targetRevision": "main"}
    destination = {"server": "https://kubernetes.default.svc", "namespace": names.NAMESPACE}
    automated = {"automated": {"prune": True, "selfHeal": True}}
    spec = {"project": "default", "source": source, "destination": destination, "syncPolicy": automated}
    application = APPLICATION.object("ghost-protocol", spec, ARGO_NAMESPACE)
    post(stage.kube, APPLICATION.path(namespace=ARGO_NAMESPACE), application)
    tracking = f"ghost-protocol:apps/Deployment:{names.NAMESPACE}/{APP}"
    body = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracking}}}
    stage.kube.patch("Deployment", names.NAMESPACE, APP, body, "argocd-controller")
    deployments = json.dumps({APP: names.DEPLOYMENTS[APP]})
    where = stage.start("argo-cd", ARGO_NAMESPACE, "argocd-application-controller", deployments=deployments)
    return {"controller": where}


def end_argo_application(stage: Stage, memory: Memory) -> None:
    stage.stop(memory["controller"])
    remove(stage.kube, APPLICATION.path("ghost-protocol", ARGO_NAMESPACE))
    body = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": None}}}
    stage.kube.patch("Deployment", names.NAMESPACE, APP, body)


def pod_on_dead_node(stage: Stage) -> Memory:
    """A pod of the Deployment that is being deleted on a node whose kubelet is gone: nobody confirms its end."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": DEAD_NODE}}
    stage.kube.create({**node, "spec": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}})
    lost = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting."}
    stage.kube.request("PATCH", f"/api/v1/nodes/{DEAD_NODE}/status", body={"status": {"conditions": [lost]}})
    sets = stage.kube.list("ReplicaSet", names.NAMESPACE, f"app={APP}")
    present = max(sets, key=lambda item: item["spec"]["replicas"])
    template = present["spec"]["template"]
    metadata = {"name": f"{APP}-lost", "namespace": names.NAMESPACE, "labels": template["metadata"]["labels"]}
    owned = owner({"apiVersion": "apps/v1", "kind": "ReplicaSet", **present}, controller=True)
    metadata |= {"ownerReferences": [owned], "finalizers": [FINALIZER]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**template["spec"], "nodeName": DEAD_NODE}}
    post(stage.kube, PODS, pod)
    remove(stage.kube, f"{PODS}/{APP}-lost")
    ready = {"type": "Ready", "status": "False", "reason": "NodeLost"}
    status = {"phase": "Running", "conditions": [ready]}
    stage.kube.request("PATCH", f"{PODS}/{APP}-lost/status", body={"status": status})
    return {}


def forget_dead_node(stage: Stage, _: Memory) -> None:
    stage.kube.patch("Pod", names.NAMESPACE, f"{APP}-lost", {"metadata": {"finalizers": None}})
    stage.kube.delete("Node", None, DEAD_NODE)
    gone = f"{APP}-lost"
    wait_until(lambda: stage.kube.get("Pod", names.NAMESPACE, gone) is None, SECONDS, f"{gone} gone", 0.05)


def cordon(stage: Stage) -> Memory:
    """As `kubectl drain` begins. Its pods go on, and the small kubelet starts new ones all the same."""
    for node in stage.kube.list("Node", None):
        stage.kube.patch("Node", None, node["metadata"]["name"], {"spec": {"unschedulable": True}}, "kubectl")
    return {}


def uncordon(stage: Stage, _: Memory) -> None:
    for node in stage.kube.list("Node", None):
        stage.kube.patch("Node", None, node["metadata"]["name"], {"spec": {"unschedulable": None}}, "kubectl")


def ignore_policies(stage: Stage) -> Memory:
    KubernetesCluster(stage.layout).ignore_network_policies(True)
    return {}


def enforce_policies(stage: Stage, _memory: Memory) -> None:
    KubernetesCluster(stage.layout).ignore_network_policies(False)


TROUBLES = (
    Trouble(
        "cordoned-node",
        "The node takes no pods any more, as while it is replaced: what is stopped there wouldn't come back.",
        cordon,
        uncordon,
    ),
    Trouble(
        "autoscaler",
        f"An HPA scales {APP} up as soon as it comes back from zero: spec.replicas isn't what the switch set.",
        scale_under_load,
        end_load,
    ),
    Trouble(
        "keda-object",
        f"A KEDA ScaledObject brings {APP} back from zero by itself, unless autoscaling.keda.sh/paused is true.",
        keda_object,
        end_keda_object,
    ),
    Trouble(
        "keda-job",
        f"A KEDA ScaledJob {JOB} starts Jobs that write, one after the other, unless it is paused.",
        keda_job,
        end_keda_job,
    ),
    Trouble(
        "cron-workflow",
        f"An Argo CronWorkflow {WORKFLOW_NAME} starts Workflows whose pods write, unless it is suspended.",
        cron_workflow,
        end_cron_workflow,
    ),
    Trouble(
        "knative-service",
        f"A Knative Service {FUNCTION} writes from a Deployment that belongs to it.",
        knative_service,
        end_knative_service,
    ),
    Trouble(
        "rollout",
        f"An Argo Rollout runs the pods of Deployment {APP} (workloadRef): scaling the Deployment stops nothing.",
        rollout,
        end_rollout,
    ),
    Trouble(
        "argo-application",
        f"An Argo CD Application (namespace {ARGO_NAMESPACE}, selfHeal) puts the replicas of {APP} back at once.",
        argo_application,
        end_argo_application,
    ),
    Trouble(
        "dead-node",
        f"A pod of {APP} terminates for ever on a node whose kubelet is gone: terminatingReplicas never gets 0.",
        pod_on_dead_node,
        forget_dead_node,
    ),
    Trouble(
        "policies-ignored",
        "The cluster's network plugin enforces no NetworkPolicy: the network of a drill's copies isn't closed.",
        ignore_policies,
        enforce_policies,
    ),
)
