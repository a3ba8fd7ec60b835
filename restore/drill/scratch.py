"""The scratch namespace: copies made, switched, started, stopped and deleted there."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import quote

from restore.drill import copies
from restore.drill.copies import Place
from restore.errors import PermanentError, Problem
from restore.kubernetes import Api, Job, Namespace, Pod, run_job
from restore.kubernetes.api import Conflict, Forbidden, JsonBody
from restore.model.cluster import Deployment
from restore.model.labels import LABEL_DRILL
from restore.model.rds import Endpoint
from restore.polling import wait_for
from restore.redaction import register_secret

STOP_SECONDS = 600.0
PROBE_SECONDS = 300.0
KINDS: Mapping[str, str] = {
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "Job": "/apis/batch/v1/namespaces/{namespace}/jobs",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
}
"""What a drill makes, in the order in which it is deleted."""
REACH = """\
set -u
for place in "$@"; do pg_isready --quiet --timeout 5 --host "${place%:*}" --port "${place##*:}"; echo "reached $?"; done
"""
"""pg_isready ends with 0 or 1 where a server answers, with 2 where nothing does (PostgreSQL, "pg_isready")."""
ANSWERED, SILENT = ("reached 0", "reached 1"), "reached 2"
PAGE = "docs/drill.md"


@dataclass(frozen=True)
class Scratch:
    """The copies of one drill. Methods raise RestoreError."""

    api: Api
    place: Place
    original: str
    """The applications' own namespace."""
    stop: threading.Event

    @property
    def space(self) -> Namespace:
        return Namespace(self.api, self.place.namespace)

    def require(self) -> None:
        """Raises PermanentError unless the namespace is there."""
        name = self.place.namespace
        seen = self.api.read(f"/api/v1/namespaces/{quote(name)}")
        if seen.item:
            return
        found = "the login has no right to read it" if seen.forbidden else "no such namespace"
        fix = f'kubectl create namespace {name}; {PAGE}, "The scratch namespace"'
        raise PermanentError.of(Problem("drill.namespace", found, "a namespace for the copies", fix))

    def read_originals(self, names: Sequence[str]) -> list[JsonBody]:
        """Returns the applications' Deployments as they are: listed, as every preview does."""
        items = self.api.list_items(KINDS["Deployment"].format(namespace=quote(self.original)))
        by_name = {str(item["metadata"]["name"]): item for item in items}
        return [by_name.get(name) or self._refuse_missing(name) for name in names]

    def make(self, deployments: Sequence[JsonBody]) -> None:
        """Makes the copies, without replicas, and of all that their pods are given."""
        for kind, name in sorted(copies.list_needed(deployments)):
            item = self._read_original(kind, name)
            if item is not None:
                _register(kind, item)
                self._create(kind, copies.copy_object(self.place, kind, item))
        for item in deployments:
            self._create("Deployment", copies.copy_deployment(self.place, item))

    def close_network(self, addresses: Iterable[str], port: int) -> None:
        """Lets the copies reach name servers, these addresses at this TCP port, and nothing else."""
        self._create("NetworkPolicy", copies.close_network(self.place, addresses, port))

    def probe_network(self, image: str, inside: Endpoint, outside: Endpoint) -> Problem | None:
        """Returns why the network isn't closed: from a pod like the copies' the restored database must answer, and the
        database that serves must not."""
        job = Job(
            namespace=self.place.namespace,
            name=f"restore-reach-{self.place.drill_id}",
            image=image,
            command=("sh", "-c", REACH, "reach", str(inside), str(outside)),
            labels=self.place.labels,
        )
        result = run_job(self.api, job, stop=self.stop, deadline=time.monotonic() + PROBE_SECONDS)
        lines = [line for line in result.lines if line.startswith("reached ")]
        needed = f"{inside} answers a pod of {self.place.namespace}, and {outside} does not"
        if len(lines) != 2:
            found = "; ".join(result.reasons) or f"the Job that looks printed {len(result.lines)} lines"
            return Problem("drill.network", found, needed, f'{PAGE}, "The network of the copies"')
        reached, closed = lines[0] in ANSWERED, lines[1] == SILENT
        if reached and closed:
            return None
        found = f"{outside} answers too: no network policy is enforced there" if reached else f"{inside} doesn't answer"
        fix = f'{PAGE}, "The network of the copies"; or: pulumi config set --path drill.network open'
        return Problem("drill.network", found, needed, fix)

    def write_secret(self, name: str, values: Mapping[str, str]) -> None:
        """Writes keys of the copied connection secret."""
        self.api.patch(self._build_path("Secret", name), copies.encode_values(values), "merge")

    def read_secret(self, name: str, keys: Iterable[str]) -> dict[str, str | None]:
        """Returns what keys of a Secret in the scratch namespace hold."""
        return _decode(self.api.get(self._build_path("Secret", name)), keys)

    def read_original_secret(self, name: str, keys: Iterable[str]) -> dict[str, str | None]:
        """Returns what the same keys of production's hold."""
        return _decode(self._read_original("Secret", name), keys)

    def scale(self, names: Sequence[str], replicas: int) -> None:
        """Sets the copies' replicas; doesn't wait for their pods."""
        for name in names:
            self.api.patch(self._build_path("Deployment", name), {"spec": {"replicas": replicas}}, "merge")

    def wait_ready(self, names: Sequence[str], seconds: float) -> dict[str, list[Pod]]:
        """Returns the ready pods of each copy, once each has one; waits at most so many seconds."""
        wait_for(
            lambda: self.look(names),
            lambda seen: all(any(pod.ready for pod in pods) for pods in seen.values()),
            stop=self.stop,
            deadline=time.monotonic() + seconds,
            subject="the copies to be ready",
            describe=describe_pods,
            fix=f'{PAGE}, "Copies that don\'t get ready"',
            first=0.3,
            longest=3.0,
        )
        return {name: [pod for pod in pods if pod.ready] for name, pods in self.look(names).items()}

    def look(self, names: Sequence[str]) -> dict[str, list[Pod]]:
        """Returns the pods of each copy that haven't ended."""
        deployments = self.space.read_deployments(names)
        return {name: self._list_pods(deployment) for name, deployment in deployments.items()}

    def _list_pods(self, deployment: Deployment | None) -> list[Pod]:
        return [pod for pod in self.space.list_pods(deployment.selector) if not pod.ended] if deployment else []

    def wait_stopped(self) -> None:
        """Waits until no pod of the drill is left."""
        self._wait_no_pods(self.place.selector)

    def clean(self, selector: str = LABEL_DRILL) -> list[str]:
        """Deletes everything that any drill has made in the namespace, or what the selector names, and waits until its
        pods are gone. Returns what it deleted, as `Deployment api`."""
        deleted: list[str] = []
        for kind in KINDS:
            for item in self.api.list_items(self._list(kind), labelSelector=selector):
                name, uid = str(item["metadata"]["name"]), str(item["metadata"]["uid"])
                try:
                    self.api.delete(f"{self._list(kind)}/{quote(name)}", uid=uid)
                except Conflict:
                    continue  # made again by somebody in between: it isn't the one that was seen
                deleted.append(f"{kind} {name}")
        self._wait_no_pods(selector)
        return deleted

    def _wait_no_pods(self, selector: str) -> None:
        wait_for(
            lambda: [pod for pod in self.space.list_pods(selector) if not pod.ended],
            lambda pods: not pods,
            stop=self.stop,
            deadline=time.monotonic() + STOP_SECONDS,
            subject=f"the copies in {self.place.namespace} to end",
            describe=lambda pods: ", ".join(pod.name for pod in pods),
            fix=f"kubectl -n {self.place.namespace} get pods",
            first=0.2,
            longest=3.0,
        )

    def _create(self, kind: str, body: JsonBody) -> None:
        name = body["metadata"]["name"]
        try:
            self.api.create(self._list(kind), body)
        except Conflict as error:
            found = f"{kind} {name} is there already, and no drill made it"
            fix = f"kubectl -n {self.place.namespace} delete {kind.lower()} {name} (or another drill.namespace)"
            raise PermanentError.of(Problem("drill.copies", found, "a namespace for drills alone", fix)) from error

    def _refuse_missing(self, name: str) -> NoReturn:
        fix = f"kubectl -n {self.original} get deployments"
        raise PermanentError.of(Problem("drill.copies", f"no Deployment {name}", "the original to copy", fix))

    def _read_original(self, kind: str, name: str) -> JsonBody | None:
        path = f"{KINDS[kind].format(namespace=quote(self.original))}/{quote(name)}"
        try:
            return self.api.get(path)
        except Forbidden as error:
            needed = "the right to read it: copies of the applications are given what they are given"
            fix = 'docs/permissions.md, "Drill"'
            found = f"{kind} {name} of {self.original} can't be read"
            raise PermanentError.of(Problem("drill.copies", found, needed, fix)) from error

    def _list(self, kind: str) -> str:
        return KINDS[kind].format(namespace=quote(self.place.namespace))

    def _build_path(self, kind: str, name: str) -> str:
        return f"{self._list(kind)}/{quote(name)}"


def describe_pods(seen: Mapping[str, Sequence[Pod]]) -> str:
    """Returns who isn't ready, and why."""
    told = {name: "; ".join(why for pod in pods for why in pod.reasons[:2]) for name, pods in seen.items()}
    waiting = [name for name, pods in seen.items() if not any(pod.ready for pod in pods)]
    return ", ".join(f"{name}: {told[name] or 'not ready yet'}" for name in waiting)


def _register(kind: str, item: JsonBody) -> None:
    """Remembers the values of a Secret, so that nothing that is said or written can hold one."""
    if kind == "Secret":
        for value in _decode(item, item.get("data") or ()).values():
            register_secret(value or "")


def _decode(item: Mapping[str, Any] | None, keys: Iterable[str]) -> dict[str, str | None]:
    data: Mapping[str, str] = (item or {}).get("data") or {}
    return {key: base64.b64decode(data[key]).decode(errors="replace") if key in data else None for key in keys}
