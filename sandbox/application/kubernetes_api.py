"""The cluster as JSON through the official client's transport; its errors become ClusterError."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

Json = dict[str, Any]
MANAGER = "kubectl-client-side-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RESOURCES = {
    "Namespace": ("/api/v1", "namespaces"),
    "Secret": ("/api/v1", "secrets"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Pod": ("/api/v1", "pods"),
    "Node": ("/api/v1", "nodes"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Job": ("/apis/batch/v1", "jobs"),
    "CronJob": ("/apis/batch/v1", "cronjobs"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
}
CONFLICT, MISSING = 409, 404
APPLY = "application/apply-patch+yaml"


class ClusterError(Exception):
    """The API server refused, or did not answer; `status` is its HTTP status, 0 for none."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Kube:
    """One API server, by kubeconfig. Nothing is read before the first request."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._client: Any = None

    def get(self, kind: str, namespace: str | None, name: str) -> Json | None:
        try:
            return self.request("GET", path(kind, namespace, name))
        except ClusterError as error:
            if error.status == MISSING:
                return None
            raise

    def list(self, kind: str, namespace: str | None, selector: str = "") -> list[Json]:
        query = {"labelSelector": selector} if selector else {}
        return self.request("GET", path(kind, namespace), query=query)["items"]

    def create(self, manifest: Json) -> bool:
        """Creates as `kubectl apply` does, with its annotation and field manager; False when it exists already.

        A Secret as `kubectl create secret` does: the annotation would repeat what is secret.
        """
        namespace, secret = manifest["metadata"].get("namespace"), manifest["kind"] == "Secret"
        body, manager = (manifest, "kubectl-create") if secret else (applied(manifest), MANAGER)
        try:
            self.request("POST", path(manifest["kind"], namespace), body=body, query={"fieldManager": manager})
        except ClusterError as error:
            if error.status == CONFLICT:
                return False
            raise
        return True

    def patch(self, kind: str, namespace: str | None, name: str, body: Json, manager: str = "kubectl-patch") -> Json:
        return self.request("PATCH", path(kind, namespace, name), body=body, query={"fieldManager": manager})

    def scale(self, name: str, namespace: str, replicas: int) -> None:
        self.patch("Deployment", namespace, name, {"spec": {"replicas": replicas}}, "kubectl-scale")

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        """Also when it is gone already; what it owns goes with it."""
        try:
            self.request("DELETE", path(kind, namespace, name), query={"propagationPolicy": "Background"})
        except ClusterError as error:
            if error.status != MISSING:
                raise

    def logs(self, namespace: str, pod: str, **query: str) -> str:
        return self._answer("GET", path("Pod", namespace, pod) + "/log", query=query).decode()

    def apply(self, resource: str, body: Json, manager: str) -> Json:
        """A server-side apply that takes over what others own."""
        query = {"fieldManager": manager, "force": "true"}
        return json.loads(self._answer("PATCH", resource, body=body, query=query, content=APPLY))

    def request(self, method: str, resource: str, *, body: Json | None = None, query: Json | None = None) -> Json:
        return json.loads(self._answer(method, resource, body=body, query=query))

    def _answer(
        self, method: str, resource: str, *, body: Json | None = None, query: Json | None = None, content: str = ""
    ) -> bytes:
        from urllib3.exceptions import HTTPError

        content = content or ("application/merge-patch+json" if method == "PATCH" else "application/json")
        url = resource + ("?" + urlencode(query) if query else "")
        try:
            client = self._connected()
            answer = client.rest_client.pool_manager.request(
                method,
                client.configuration.host + url,
                body=json.dumps(body) if body is not None else None,
                headers={"Content-Type": content, "Accept": "application/json"},
                timeout=30,
                retries=False,
            )
        except HTTPError as error:
            raise ClusterError(0, f"{method} {resource}: {error}") from error
        if answer.status >= 400:
            raise ClusterError(int(answer.status), f"{method} {resource}: {answer.data.decode(errors='replace')}")
        return cast("bytes", answer.data)

    def _connected(self) -> Any:
        if self._client is None:
            from kubernetes import config

            loader = cast("Any", config)
            self._client = loader.new_client_from_config(config_file=str(self._kubeconfig), persist_config=False)
        return self._client


def path(kind: str, namespace: str | None, name: str = "") -> str:
    base, plural = RESOURCES[kind]
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{inside}/{plural}" + (f"/{name}" if name else "")


def applied(manifest: Json) -> Json:
    """The manifest with the annotation that `kubectl apply` leaves."""
    annotations = {**manifest["metadata"].get("annotations", {})}
    plain = {**manifest, "metadata": {**manifest["metadata"], "annotations": annotations}}
    content = json.dumps(plain, separators=(",", ":")) + "\n"
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": {**annotations, LAST_APPLIED: content}}}
