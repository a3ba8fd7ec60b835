"""A namespace of a real API server for each test: the sandbox's cluster, started once per session."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.machine.processes import wait_until
from sandbox.standins.kubernetes.api_client import Https, KubernetesError
from sandbox.standins.kubernetes.provider_config import connection_of

LOOP = "[ \"$MODE\" = crash ] && exit 3; trap 'exit 0' TERM; while :; do sleep 0.1; done"


@dataclass(frozen=True)
class Namespace:
    """A fresh namespace with a Deployment `indexer` of 2 and a Secret `credentials`, owned by manager `kubectl`."""

    kubeconfig: Path
    name: str

    @property
    def api(self) -> Https:
        return Https(connection_of(self.kubeconfig.read_text()), "")

    def path(self, kind: str, name: str) -> str:
        prefix = "/apis/apps/v1" if kind == "deployments" else "/api/v1"
        return f"{prefix}/namespaces/{self.name}/{kind}/{name}"

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return self.api.get(self.path(kind, name))

    def exists(self, kind: str, name: str) -> bool:
        try:
            self.get(kind, name)
        except KubernetesError as error:
            if error.code == 404:
                return False
            raise
        return True

    def apply(self, manifest: Mapping[str, Any], manager: str = "kubectl", *, force: bool = False) -> None:
        kinds = {"Deployment": "deployments", "Secret": "secrets"}
        where = self.path(kinds[manifest["kind"]], manifest["metadata"]["name"])
        self.api.apply(where, dict(manifest), manager, force=force)

    def delete_deployment(self, name: str) -> None:
        self._client().AppsV1Api(self._connected()).delete_namespaced_deployment(name, self.name)
        wait_until(lambda: not self.exists("deployments", name), 60, f"the deletion of {name}")

    def delete(self) -> None:
        """Begins the deletion of the namespace and of all that is in it."""
        self._client().CoreV1Api(self._connected()).delete_namespace(self.name)

    def _connected(self) -> Any:
        config: Any = importlib.import_module("kubernetes.config")
        return config.new_client_from_config(str(self.kubeconfig))

    @staticmethod
    def _client() -> Any:
        return importlib.import_module("kubernetes.client")

    def limited_to(self, rules: Sequence[Mapping[str, Any]]) -> str:
        """A kubeconfig with the rights of a Role and no others."""
        rbac, metadata = "rbac.authorization.k8s.io/v1", {"name": "limited", "namespace": self.name}
        subjects = [{"kind": "ServiceAccount", **metadata}]
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"}
        for version, kind, more in (
            ("v1", "ServiceAccount", {}),
            (rbac, "Role", {"rules": list(rules)}),
            (rbac, "RoleBinding", {"roleRef": role, "subjects": subjects}),
        ):
            prefix = "/api" if version == "v1" else "/apis"
            path = f"{prefix}/{version}/namespaces/{self.name}/{kind.lower()}s/limited"
            self.api.apply(
                path, {"apiVersion": version, "kind": kind, "metadata": metadata, **more}, "test", force=False
            )
        core = self._client().CoreV1Api(self._connected())
        token = core.create_namespaced_service_account_token("limited", self.name, {"spec": {}})
        content: Any = yaml.safe_load(self.kubeconfig.read_text())
        content["users"][0]["user"] = {"token": token.status.token}
        return yaml.safe_dump(content)

    def await_ready(self, replicas: int) -> None:
        def ready() -> bool:
            return self.get("deployments", "indexer").get("status", {}).get("readyReplicas", 0) == replicas

        wait_until(ready, 60, f"{replicas} pods ready")


def deployment(namespace: str, replicas: int) -> dict[str, Any]:
    labels = {"app": "indexer"}
    container = {"name": "writer", "image": "busybox", "command": ["sh", "-c", LOOP]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "indexer", "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 2, "containers": [container]},
            },
        },
    }


def secret(namespace: str) -> dict[str, Any]:
    metadata = {"name": "credentials", "namespace": namespace}
    data = {"DATABASE_URL": "cG9zdGdyZXM6Ly9vbGQ=", "JWT_SECRET": "and0"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def fresh(kubeconfig: Path) -> Namespace:
    namespace = Namespace(kubeconfig, f"t-{uuid.uuid4().hex[:8]}")
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace.name}}
    namespace.api.apply(f"/api/v1/namespaces/{namespace.name}", manifest, "kubectl", force=False)
    namespace.apply(deployment(namespace.name, 2))
    namespace.apply(secret(namespace.name))
    namespace.await_ready(2)
    return namespace
