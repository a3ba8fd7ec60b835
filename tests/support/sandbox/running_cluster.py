"""A cluster under test, and the manifests that tests say often."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass, field
from typing import Any

from sandbox.application.kubernetes_api import Kube
from sandbox.cluster import KubernetesCluster, binary
from sandbox.cluster.launcher import images, postgres_programs
from sandbox.machine.layout import Layout
from sandbox.machine.processes import wait_until

Json = dict[str, Any]
WAIT = 90.0
NAMESPACE = "team"


@dataclass
class RunningCluster:
    layout: Layout
    process: subprocess.Popen[bytes] | None = None
    kube: Kube = field(init=False)

    def __post_init__(self) -> None:
        self.kube = Kube(self.layout.kubeconfig)

    @property
    def cluster(self) -> KubernetesCluster:
        return KubernetesCluster(self.layout)

    def start(self) -> None:
        self.process = started = self.cluster.start(binary(), images(postgres_programs(), {}))
        wait_until(lambda: self.cluster.ready_file.exists() or started.poll() is not None, WAIT, "the cluster")
        assert started.poll() is None, (self.layout.logs / "cluster.log").read_text()
        self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
        wait_until(lambda: bool(self.kube.request("GET", path)["items"]), WAIT, "the service account")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process:
            self.process.send_signal(number)
            self.process.wait(WAIT)

    def pods(self, app: str) -> list[Json]:
        return self.kube.list("Pod", NAMESPACE, f"app={app}")

    def wait_ready(self, app: str, count: int) -> None:
        def ready() -> bool:
            status = self.kube.request("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{app}")["status"]
            return status.get("readyReplicas", 0) == count == len(self.pods(app))

        wait_until(ready, WAIT, f"{count} ready pods of {app}")

    def log(self, pod: Json) -> str:
        return self.kube.logs(NAMESPACE, pod["metadata"]["name"])

    def wait_log(self, pod: Json, text: str) -> str:
        wait_until(lambda: text in self.log(pod), WAIT, f"{text!r} in the log")
        return self.log(pod)


def deployment(app: str, script: str, replicas: int, **container: Any) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app, "namespace": NAMESPACE, "labels": {"app": app}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": pod(app, script, container),
        },
    }


def job(name: str, script: str, **container: Any) -> Json:
    template = pod(name, script, container)
    template["spec"]["restartPolicy"] = "Never"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"backoffLimit": 0, "template": template},
    }


def pod(app: str, script: str, container: Json) -> Json:
    main = {"name": "main", "image": "postgres:17", "command": ["sh", "-c", script], **container}
    return {"metadata": {"labels": {"app": app}}, "spec": {"terminationGracePeriodSeconds": 5, "containers": [main]}}


def secret(value: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": NAMESPACE},
        "stringData": {"PASSWORD": value},
    }
