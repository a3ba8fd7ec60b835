"""The application's namespace: what is found there, and giving back what a restore has taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from restore.kubernetes.api import Api
from restore.kubernetes.pods import Pod
from restore.model import Cluster, ConnectionSecret, Deployment, SecretKey, Writer


class Namespace:
    """One namespace. Errors as of Api."""

    def __init__(self, api: Api, name: str):
        raise NotImplementedError

    def deployments(self, names: Sequence[str]) -> Mapping[str, Deployment | None]:
        """Each named Deployment, None for one that doesn't exist."""
        raise NotImplementedError

    def writers(self, apps: Sequence[str], secret: str) -> tuple[Writer, ...]:
        """What else writes or brings pods back: HPA, ScaledObject, CronJob, Job, Deployment, StatefulSet, ..."""
        raise NotImplementedError

    def connection_secret(self, name: str, key: str) -> ConnectionSecret | None:
        """The Secret, its URL registered as a secret value; None when there is no such Secret."""
        raise NotImplementedError

    def cluster(self, apps: Sequence[str], secret: SecretKey) -> Cluster:
        """Deployments, writers and the connection secret, read side by side."""
        raise NotImplementedError

    def pods(self, selector: str) -> tuple[Pod, ...]:
        """Pods by label selector, terminating ones too, by name."""
        raise NotImplementedError

    def logs(self, pod: str, *, lines: int = 50, container: str | None = None) -> str:
        """The end of a pod's log; empty when there is none."""
        raise NotImplementedError

    def hand_back_deployment(self, name: str) -> bool:
        """Give spec.replicas back to its former manager and remove our metadata annotations.

        Nothing rolls: replicas stay as they are, and so does the pod template with its annotation. False when
        there was nothing of ours (any more); to be called again after a TemporaryError (a conflict).
        """
        raise NotImplementedError

    def hand_back_secret(self, name: str) -> bool:
        """The same for the connection secret's key; its value stays."""
        raise NotImplementedError
