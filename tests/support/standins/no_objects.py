"""A Kubernetes API for the plugin's tests that has no server behind it."""

from __future__ import annotations

from sandbox.standins.kubernetes.api_client import KubernetesError
from sandbox.standins.plugin.property_values import Properties


class NoObjects:
    """Does as it is told, and has no objects of any kind."""

    def get(self, path: str) -> Properties:
        raise KubernetesError(404, "NotFound", path)

    def list(self, path: str, selector: str) -> list[Properties]:
        return []

    def watch(self, path: str) -> None:
        """Agrees."""

    def apply(self, path: str, body: Properties, manager: str, *, force: bool, dry_run: bool = False) -> Properties:
        return body

    def delete(self, path: str) -> None:
        raise KubernetesError(404, "NotFound", path)
