"""Argo CD's self-healing and Argo Workflows' schedules.

Sources: Argo CD, "Automated Sync Policy", "Resource Tracking", "Skip Reconcile"; Argo Workflows, "Cron Workflows".
"""

from __future__ import annotations

import json
import time
from typing import Any

from sandbox.application.kubernetes_api import Json
from sandbox.application.names import NAMESPACE
from sandbox.trouble.controllers.loop import Controller, say
from sandbox.trouble.custom_resources import APPLICATION, CRON_WORKFLOW, WORKFLOW, annotations_of, owner

ARGO_NAMESPACE = "argocd"
MANAGER = "argocd-controller"
SKIP = "argocd.argoproj.io/skip-reconcile"
WORKFLOW_LABEL = "workflows.argoproj.io/workflow"
EVERY_SECONDS = 2.0
"""A CronWorkflow's schedule has minutes; a rehearsal is shorter."""


def heal_applications(controller: Controller) -> None:
    """`deployments`: replicas by name, as they stand in the repository."""
    replicas_of: dict[str, int] = json.loads(controller.options["deployments"])
    controller.run(lambda: heal(controller, replicas_of))


def heal(controller: Controller, replicas_of: dict[str, int]) -> None:
    for application in controller.kube.request("GET", APPLICATION.path(namespace=ARGO_NAMESPACE))["items"]:
        automated: Json = application["spec"].get("syncPolicy", {}).get("automated", {})
        skipped = annotations_of(application).get(SKIP) == "true"
        if not automated.get("selfHeal") or skipped:
            continue
        for name, replicas in replicas_of.items():
            deployment: Any = controller.kube.get("Deployment", NAMESPACE, name)
            if deployment and deployment["spec"]["replicas"] != replicas:
                controller.kube.patch("Deployment", NAMESPACE, name, {"spec": {"replicas": replicas}}, MANAGER)
                say(f"{name} synced to {replicas}")


def run_cron_workflows(controller: Controller) -> None:
    due: dict[str, float] = {}
    controller.run(lambda: start_workflows(controller, due))


def start_workflows(controller: Controller, due: dict[str, float]) -> None:
    """One Workflow runs at a time (concurrencyPolicy Forbid); a suspended CronWorkflow starts none."""
    for cron in controller.kube.request("GET", CRON_WORKFLOW.path())["items"]:
        name = cron["metadata"]["name"]
        running = [
            workflow
            for workflow in controller.kube.request("GET", WORKFLOW.path())["items"]
            if workflow["metadata"]["name"].startswith(name) and workflow["status"]["phase"] == "Running"
        ]
        if cron["spec"].get("suspend") or running or time.monotonic() < due.get(name, 0.0):
            continue
        due[name] = time.monotonic() + EVERY_SECONDS
        start_workflow(controller, cron)


def start_workflow(controller: Controller, cron: Json) -> None:
    """A Workflow, and the pod of its only step."""
    name = f"{cron['metadata']['name']}-{int(time.time())}"
    body = WORKFLOW.object(name, cron["spec"]["workflowSpec"], status={"phase": "Running"})
    body["metadata"]["ownerReferences"] = [owner(cron, controller=True)]
    workflow = controller.kube.request("POST", WORKFLOW.path(), body=body)
    controller.kube.request("PATCH", WORKFLOW.path(name) + "/status", body={"status": {"phase": "Running"}})
    template = cron["spec"]["workflowSpec"]["templates"][0]
    metadata: Json = {"name": f"{name}-main", "namespace": NAMESPACE, "labels": {WORKFLOW_LABEL: name}}
    metadata["ownerReferences"] = [owner(workflow, controller=True)]
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 2, "containers": [template["container"]]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    controller.kube.request("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", body=pod)
    say(f"{name} started")
