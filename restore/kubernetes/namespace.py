"""The application's namespace: what is found there, and giving back what a restore has taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from restore.kubernetes import field_ownership, gitops, parse
from restore.kubernetes.api import Api, JsonBody, ReadObject
from restore.kubernetes.other_writers import (
    LISTS,
    OPTIONAL,
    Workloads,
    find_writers,
    list_other_workloads,
    read_name,
    read_pod_spec,
)
from restore.kubernetes.pods import Pod, parse_pod
from restore.kubernetes.references import Use, find_references, list_unreadable, list_uses
from restore.kubernetes.secret_controllers import find_secret_controllers, list_secret_writers
from restore.model.cluster import Cluster, ConnectionSecret, Deployment, Reference, Writer
from restore.model.labels import ANNOTATION_ID
from restore.model.request import SecretKey
from restore.redaction import register_secret
from restore.retrying import retry

THREADS = 10
Run = Callable[..., Iterable[Any]]
"""`map`, or that of a pool."""


class Namespace:
    """One namespace. Errors as of Api."""

    def __init__(self, api: Api, name: str):
        self._api = api
        self.name = name

    def read_cluster(self, apps: Sequence[str], secret: SecretKey) -> Cluster:
        """Reads Deployments, writers and the connection secret, read side by side."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="cluster") as pool:
            secret_read = pool.submit(self._read_secret, secret.name)
            workloads = self._read_workloads(pool.map)
            connection_secret = secret_read.result()
            references, unread = self._list_references(workloads, apps, secret, pool.map)
            return Cluster(
                deployments=_read_deployments(workloads.deployments, [*apps, *_list_held(workloads.deployments)]),
                writers=self._list_writers(workloads, connection_secret, apps, secret, pool.map),
                secret=_read_connection_secret(connection_secret, secret),
                references=references,
                unread=unread,
            )

    def find_references(self, apps: Sequence[str], secret: SecretKey) -> tuple[Reference, ...]:
        """Returns the values that the applications' pods get besides what the switch writes."""
        return self._list_references(Workloads(self._api.list_items(self._list("deployments"))), apps, secret, map)[0]

    def _list_references(
        self, workloads: Workloads, apps: Sequence[str], secret: SecretKey, run: Run
    ) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
        """What else runs in the namespace is named by kind and name."""
        specs = {read_name(item): read_pod_spec(item) for item in workloads.deployments if read_name(item) in apps}
        specs |= {f"{kind}/{name}": spec for kind, name, spec in list_other_workloads(workloads, apps)}
        used = {use.format_path(self.name): use for spec in specs.values() for use in list_uses(spec)}
        reads = self._read_objects(used, run)
        objects = {path: read.item for path, read in reads.items() if read.item}
        switched = {Use("Secret", secret.name, key) for key in secret.switched_keys}
        in_specs = (
            item for app, spec in specs.items() for item in find_references(app, spec, objects, self.name, switched)
        )
        unread = {f"{used[path].kind} {used[path].name}" for path, read in reads.items() if read.forbidden}
        deployments = (item for item in workloads.deployments if read_name(item) in apps)
        unread |= {
            what for item in deployments for what in list_unreadable(read_pod_spec(item), _read_annotations(item))
        }
        return tuple(dict.fromkeys(in_specs)), tuple(sorted(unread))

    def read_deployments(self, names: Sequence[str]) -> Mapping[str, Deployment | None]:
        """Returns each named Deployment, None for one that doesn't exist."""
        return _read_deployments(self._api.list_items(self._list("deployments")), names)

    def find_secret_writers(self, secret: SecretKey) -> tuple[Writer, ...]:
        """Returns who puts the connection secret back; empty when there is no such Secret."""
        item = self._read_secret(secret.name)
        return self._list_secret_writers(item, secret, map) if item else ()

    def read_connection_secret(self, secret: SecretKey) -> ConnectionSecret | None:
        """Returns the Secret, its URL registered as a secret value; None when there is no such Secret."""
        return _read_connection_secret(self._read_secret(secret.name), secret)

    def list_pods(self, selector: str) -> tuple[Pod, ...]:
        """Returns the pods of a label selector, terminating ones too, by name."""
        listed = (parse_pod(item) for item in self._api.list_items(self._build_path("pods"), labelSelector=selector))
        return tuple(sorted(listed, key=lambda item: item.name))

    def hand_back_deployment(self, name: str) -> bool:
        """Gives spec.replicas back to its former manager and removes our metadata annotations.

        Nothing rolls: replicas stay as they are, and so does the pod template with its annotation. False when
        there was nothing of ours (any more). Conflict when others go on changing the object.
        """
        return self._hand_back(f"/apis/apps/v1/namespaces/{quote(self.name)}/deployments/{quote(name)}", parse.REPLICAS)

    def hand_back_secret(self, secret: SecretKey) -> bool:
        """Returns the same for the connection secret's keys; their values stay."""
        return self._hand_back(
            self._build_path("secrets", secret.name), *(("f:data", f"f:{k}") for k in secret.switched_keys)
        )

    def _hand_back(self, path: str, field: Sequence[str], *more: Sequence[str]) -> bool:
        """Tried again when somebody else wrote between our read and our patch, and when the API doesn't answer."""

        def hand_back() -> bool:
            existing = self._api.get(path)
            operations = field_ownership.hand_back(existing, field, datetime.now(UTC), *more) if existing else None
            if operations is None:
                return False
            self._api.patch(path, operations, "json")
            return True

        return retry(hand_back, subject=f"handing back {path}")

    def _build_path(self, resource: str, name: str = "") -> str:
        return f"/api/v1/namespaces/{quote(self.name)}/{resource}" + (f"/{quote(name)}" if name else "")

    def _list(self, field: str) -> str:
        return LISTS[field].format(namespace=quote(self.name))

    def _read_secret(self, name: str) -> JsonBody | None:
        return self._api.get(self._build_path("secrets", name))

    def _read_workloads(self, run: Callable[..., Iterable[list[JsonBody]]]) -> Workloads:
        lists = run(self._list_items, LISTS)
        return Workloads(**dict(zip(LISTS, lists, strict=True)))

    def _list_items(self, field: str) -> list[JsonBody]:
        """A server without KEDA (or Argo, or Knative) says "forbidden" and not "unknown" to who has no right to its
        objects."""
        group = next((group for group in OPTIONAL if LISTS[field].startswith(group)), None)
        if group:
            served = self._api.get(group)
            kinds = {str(item.get("name")) for item in (served or {}).get("resources") or ()}
            if LISTS[field].rpartition("/")[2] not in kinds:
                return []
        return self._api.list_items(self._list(field))

    def _list_writers(
        self,
        workloads: Workloads,
        secret: JsonBody | None,
        apps: Sequence[str],
        key: SecretKey,
        run: Run,
    ) -> tuple[Writer, ...]:
        owned = [("Deployment", item) for item in workloads.deployments if read_name(item) in apps]
        owned += [("Secret", secret)] if secret else []
        owners = {owner for kind, item in owned for owner in gitops.find_owners(kind, item, self.name)}
        reads = self._read_objects((owner.path for owner in owners if owner.path), run)
        return (
            *find_writers(workloads, self.name, apps, key.name),
            *gitops.list_writers(owned, self.name, reads),
            *(self._list_secret_writers(secret, key, run) if secret else ()),
        )

    def _list_secret_writers(self, item: JsonBody, secret: SecretKey, run: Run) -> tuple[Writer, ...]:
        controllers = find_secret_controllers(item, self.name, secret.key, secret.controller)
        reads = self._read_objects((path for controller in controllers for path in controller.reads), run)
        return list_secret_writers(item, self.name, controllers, reads)

    def _read_objects(self, paths: Iterable[str], run: Run) -> dict[str, ReadObject]:
        distinct = sorted(set(paths))
        return dict(zip(distinct, run(self._api.read, distinct), strict=True))


def _read_deployments(items: Sequence[Mapping[str, object]], names: Sequence[str]) -> dict[str, Deployment | None]:
    by_name = {read_name(item): item for item in items}
    return {name: parse.parse_deployment(by_name[name]) if name in by_name else None for name in names}


def _read_annotations(item: Mapping[str, object]) -> Mapping[str, str]:
    return parse.parse_deployment(item).template_annotations


def _list_held(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the Deployments that a restore has taken over, also those that the configuration no longer names."""
    notes = ((read_name(item), parse.parse_deployment(item).annotations) for item in items)
    return [name for name, annotations in notes if ANNOTATION_ID in annotations]


def _read_connection_secret(answer: JsonBody | None, configured: SecretKey) -> ConnectionSecret | None:
    if answer is None:
        return None
    secret = parse.parse_connection_secret(answer, configured.key, configured.keys, configured.also_keys)
    for url in (secret.url or "", *(secret.values[key] for key in configured.also_keys if key in secret.values)):
        if "://" in url:
            register_secret(url.strip())
        for password in parse.find_passwords(url):
            register_secret(password)
    return secret
