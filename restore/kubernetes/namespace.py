"""The application's namespace: what is found there, and giving back what a restore has taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from restore.errors import PermanentError
from restore.kubernetes import field_ownership, gitops, parse
from restore.kubernetes.api import Api, JsonBody
from restore.kubernetes.other_writers import KEDA, LISTS, Workloads, name_of, writers
from restore.kubernetes.pods import Pod, pod
from restore.model.cluster import Cluster, ConnectionSecret, Deployment, Writer
from restore.model.labels import ANNOTATION_ID
from restore.model.request import SecretKey
from restore.redaction import register_secret
from restore.retrying import retry

THREADS = 10


class Namespace:
    """One namespace. Errors as of Api."""

    def __init__(self, api: Api, name: str):
        self._api = api
        self.name = name

    def cluster(self, apps: Sequence[str], secret: SecretKey) -> Cluster:
        """Reads Deployments, writers and the connection secret, read side by side."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="cluster") as pool:
            secret_read = pool.submit(self._secret, secret.name)
            workloads = self._workloads(pool.map)
            connection_secret = secret_read.result()
            return Cluster(
                deployments=_deployments(workloads.deployments, [*apps, *_held(workloads.deployments)]),
                writers=self._writers(workloads, connection_secret, apps, secret.name, pool.map),
                secret=_connection_secret(connection_secret, secret.key),
            )

    def deployments(self, names: Sequence[str]) -> Mapping[str, Deployment | None]:
        """Returns each named Deployment, None for one that doesn't exist."""
        return _deployments(self._api.items(self._list("deployments")), names)

    def writers(self, apps: Sequence[str], secret: str) -> tuple[Writer, ...]:
        """Returns what else writes or brings pods back: HPA, ScaledObject, CronJob, Job, Deployment, StatefulSet,
        ..."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="writers") as pool:
            secret_read = pool.submit(self._secret, secret)
            workloads = self._workloads(pool.map)
            return self._writers(workloads, secret_read.result(), apps, secret, pool.map)

    def connection_secret(self, name: str, key: str) -> ConnectionSecret | None:
        """Returns the Secret, its URL registered as a secret value; None when there is no such Secret."""
        return _connection_secret(self._secret(name), key)

    def pods(self, selector: str) -> tuple[Pod, ...]:
        """Returns the pods of a label selector, terminating ones too, by name."""
        listed = (pod(item) for item in self._api.items(self._path("pods"), labelSelector=selector))
        return tuple(sorted(listed, key=lambda item: item.name))

    def logs(self, pod: str, *, lines: int = 50, container: str | None = None) -> str:
        """Returns the end of a pod's log; empty when there is none."""
        query = {"container": container} if container else {}
        return self._api.text(f"{self._path('pods', pod)}/log", tailLines=str(lines), **query)

    def hand_back_deployment(self, name: str) -> bool:
        """Give spec.replicas back to its former manager and remove our metadata annotations.

        Nothing rolls: replicas stay as they are, and so does the pod template with its annotation. False when
        there was nothing of ours (any more). Conflict when others go on changing the object.
        """
        return self._hand_back(f"/apis/apps/v1/namespaces/{quote(self.name)}/deployments/{quote(name)}", parse.REPLICAS)

    def hand_back_secret(self, name: str, key: str) -> bool:
        """The same for the connection secret's key; its value stays."""
        return self._hand_back(self._path("secrets", name), ("f:data", f"f:{key}"))

    def _hand_back(self, path: str, field: Sequence[str]) -> bool:
        """Tried again when somebody else wrote between our read and our patch, and when the API doesn't answer."""

        def hand_back() -> bool:
            existing = self._api.get(path)
            operations = field_ownership.hand_back(existing, field, datetime.now(UTC)) if existing else None
            if operations is None:
                return False
            self._api.patch(path, operations, "json")
            return True

        return retry(hand_back, subject=f"handing back {path}")

    def _path(self, resource: str, name: str = "") -> str:
        return f"/api/v1/namespaces/{quote(self.name)}/{resource}" + (f"/{quote(name)}" if name else "")

    def _list(self, field: str) -> str:
        return LISTS[field].format(namespace=quote(self.name))

    def _secret(self, name: str) -> JsonBody | None:
        return self._api.get(self._path("secrets", name))

    def _workloads(self, run: Callable[..., Iterable[list[JsonBody]]]) -> Workloads:
        lists = run(self._items, LISTS)
        return Workloads(**dict(zip(LISTS, lists, strict=True)))

    def _items(self, field: str) -> list[JsonBody]:
        """A server without KEDA says "forbidden" and not "unknown" to who has no right to KEDA's objects."""
        if field == "scaled_objects" and self._api.get(KEDA) is None:
            return []
        return self._api.items(self._list(field))

    def _writers(
        self,
        workloads: Workloads,
        secret: JsonBody | None,
        apps: Sequence[str],
        secret_name: str,
        run: Callable[..., Iterable[JsonBody | None]],
    ) -> tuple[Writer, ...]:
        owned = [("Deployment", item) for item in workloads.deployments if name_of(item) in apps]
        owned += [("Secret", secret)] if secret else []
        owners = {owner for _, item in owned for owner in gitops.owners(item, self.name)}
        paths = sorted({owner.path for owner in owners if owner.path})
        states = dict(zip(paths, run(self._readable, paths), strict=True))
        return writers(workloads, self.name, apps, secret_name) + gitops.writers(owned, self.name, states)

    def _readable(self, path: str) -> JsonBody | None:
        """Returns the object; None also where the operator has no right to read it: it then counts as not known."""
        try:
            return self._api.get(path)
        except PermanentError:
            return None


def _deployments(items: Sequence[Mapping[str, object]], names: Sequence[str]) -> dict[str, Deployment | None]:
    by_name = {name_of(item): item for item in items}
    return {name: parse.deployment(by_name[name]) if name in by_name else None for name in names}


def _held(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the Deployments that a restore has taken over, also those that the configuration no longer names."""
    notes = ((name_of(item), parse.deployment(item).annotations) for item in items)
    return [name for name, annotations in notes if ANNOTATION_ID in annotations]


def _connection_secret(answer: JsonBody | None, key: str) -> ConnectionSecret | None:
    if answer is None:
        return None
    secret = parse.connection_secret(answer, key)
    register_secret((secret.url or "").strip())
    for password in parse.passwords(secret.url or ""):
        register_secret(password)
    return secret
