"""Brings the application up: database, rows, a daily backup, secret, Deployments, and waits until the pods write."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from sandbox.application import database, manifests, names, seed
from sandbox.application.connection_url import connection_url, for_libpq
from sandbox.application.kubernetes_api import ClusterError, Json, Kube
from sandbox.application.operator_roles import OperatorRoles
from sandbox.aws.client import Clients, clients
from sandbox.machine.layout import Layout
from sandbox.machine.processes import wait_until

READY_SECONDS = 120.0
NODE = "sandbox"
NOT_READY = "node.kubernetes.io/not-ready"
"""Every new node has it; the node lifecycle controller, which doesn't run here, takes it away."""
ALLOCATABLE = {"cpu": "8", "memory": "16Gi", "pods": "110"}
Say = Callable[[str, float, str], None]


def silent(_part: str, _seconds: float, _text: str) -> None:
    """Reports nothing, for a caller that only asks."""


@dataclass
class Application:
    """The application of one sandbox."""

    layout: Layout
    say: Say

    def __post_init__(self) -> None:
        self.aws: Clients = clients(self.layout, retries=3)
        self.kube = Kube(self.layout.kubeconfig)

    def deploy(self) -> None:
        """Idempotent: objects that exist, the secret's URL and the replicas above all, stay as they are."""
        wait_until(self._cluster_answers, READY_SECONDS, "the API server to answer", 0.1)
        with ThreadPoolExecutor(1) as pool:
            creating = pool.submit(self._namespace)
            url, fresh = self._database()
            creating.result()
            backup = pool.submit(self._backup) if fresh else None
            self._objects(url)
            if backup:
                backup.result()

    def _namespace(self) -> None:
        """The application's namespace, what the operator may do in it, and the node for its pods."""
        self.kube.create(manifests.namespace())
        self._node()
        OperatorRoles.documented(self.kube).install()

    def _node(self) -> None:
        """What of a node the small kubelet leaves out: it is ready, so its taint goes, and it tells what it has."""
        node = f"/api/v1/nodes/{NODE}"
        taints = self.kube.request("GET", node)["spec"].get("taints", [])
        kept = [taint for taint in taints if taint["key"] != NOT_READY]
        self.kube.request("PATCH", node, body={"spec": {"taints": kept or None}})
        self.kube.request("PATCH", f"{node}/status", body={"status": {"allocatable": ALLOCATABLE}})

    def _cluster_answers(self) -> bool:
        """A server that has just started refuses its own administrator for a moment."""
        try:
            self.database_url()
        except ClusterError:
            return False
        return True

    def _database(self) -> tuple[str, bool]:
        """The application's URL, and whether its rows were loaded just now."""
        begun = time.monotonic()
        instance = database.ensure(self.aws)
        self.say("database", time.monotonic() - begun, f"{names.INSTANCE} at {instance.host}:{instance.port}")
        begun = time.monotonic()
        password = self._known_password() or database.application_password()
        admin = login(instance.host, instance.port, names.MASTER_USER, instance.password, "postgres", self.layout.ca)
        with admin:
            seed.prepare_role(admin, password)
        owner = login(instance.host, instance.port, names.APP_USER, password, names.DATABASE, self.layout.ca)
        with owner:
            rows = 0 if seed.seeded(owner) else seed.seed(owner)
        outcome = f"{rows} rows loaded" if rows else "rows were there already"
        self.say("rows", time.monotonic() - begun, outcome)
        url = connection_url(names.APP_USER, password, instance.host, instance.port, names.DATABASE, self.layout.ca)
        return url, bool(rows)

    def _known_password(self) -> str | None:
        url = self.database_url()
        return unquote(urlsplit(url).password or "") if url else None

    def database_url(self) -> str | None:
        """What the secret says now, or None when there is no secret yet.

        Raises ClusterError when the API server can't say: taken for "no secret", the role would get a new password.
        """
        secret = self.kube.get("Secret", names.NAMESPACE, names.SECRET)
        value = (secret or {}).get("data", {}).get(names.SECRET_KEY)
        return base64.b64decode(value).decode() if value else None

    def _backup(self) -> None:
        """The daily backup, so that there is an automated snapshot with rows in it."""
        self.aws.post("backup-window", instance=names.INSTANCE)
        database.wait_available(self.aws)

    def _objects(self, url: str) -> None:
        begun = time.monotonic()
        for manifest in manifests.application(url, database.random_text(48)):
            self.kube.create(manifest)
        try:
            wait_until(self.writing, READY_SECONDS, "pods writing", 0.1)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.pods()}; {self._complaint()}") from None
        self.say("application", time.monotonic() - begun, self.pods())

    def writing(self) -> bool:
        """Every wanted replica answers for itself that it commits; what the API remembers is no proof."""
        deployments = {d["metadata"]["name"]: d for d in self.kube.list("Deployment", names.NAMESPACE)}
        return all(name in deployments and self._complete(deployments[name]) for name in names.DEPLOYMENTS)

    def _complete(self, deployment: Json) -> bool:
        replicas = deployment["spec"]["replicas"]
        if deployment["status"].get("readyReplicas", 0) != replicas:
            return False
        pods = self.kube.list("Pod", names.NAMESPACE, f"app={deployment['metadata']['name']}")
        return sum(healthy(pod) for pod in pods) == replicas

    def _complaint(self) -> str:
        """The last line that a pod which does not write has logged."""
        for pod in self.kube.list("Pod", names.NAMESPACE):
            if not healthy(pod):
                name = pod["metadata"]["name"]
                try:
                    said = self.kube.logs(names.NAMESPACE, name, tailLines="1").strip()
                except ClusterError as error:
                    said = str(error)
                return f"{name}: {said or 'no log'}"
        return "every pod there writes"

    def pods(self) -> str:
        deployments = self.kube.list("Deployment", names.NAMESPACE)
        return ", ".join(
            f"{d['metadata']['name']} {d['status'].get('readyReplicas', 0)}/{d['spec']['replicas']}"
            for d in deployments
        )


def healthy(pod: Json) -> bool:
    """Whether a pod committed a moment ago and has not failed since; one that is being deleted is no replica."""
    health = health_of(pod)
    return health.get("status") == "ok" and not health["error"] and "deletionTimestamp" not in pod["metadata"]


def health_of(pod: Json) -> Json:
    """What a pod answers itself, whatever the status; empty when it doesn't, or ends while it does."""
    address = pod["status"].get("podIP")
    if not address:
        return {}
    try:
        with closing(HTTPConnection(address, names.HEALTH_PORT, timeout=3)) as connection:
            connection.request("GET", "/health")
            return json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError):
        return {}


def login(host: str, port: int, user: str, password: str, name: str, ca: Path) -> psycopg.Connection:
    return psycopg.connect(
        host=host, port=port, user=user, password=password, dbname=name, autocommit=True, connect_timeout=10,
        sslmode="verify-full", sslrootcert=str(ca), application_name="restore-sandbox",
    )  # fmt: skip


def application_login(url: str, application_name: str) -> psycopg.Connection:
    """A connection with the application's own URL."""
    return psycopg.connect(for_libpq(url), autocommit=True, connect_timeout=10, application_name=application_name)
