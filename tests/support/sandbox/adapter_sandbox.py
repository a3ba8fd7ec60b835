"""What the tests of the adapters start and make."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from restore.aws import Aws, Rds
from restore.kubernetes import Api, Namespace
from restore.model.labels import FIELD_MANAGER
from restore.model.rds import Instance
from sandbox.aws.client import ACCESS_KEY, SECRET_KEY
from sandbox.aws.faults import FaultClient
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import wait_until

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
}
SERVICES = ("rds", "secretsmanager", "s3", "sts", "ec2", "iam", "kms", "cloudwatch", "backup", "route53")
PASSWORD = "first-Passw0rd"
WAIT = 90.0
URL = "postgresql://ghost_app:p%40ss%2Fw%25rd@{endpoint}/app?schema=public&connection_limit=5&sslrootcert=/app/ca.pem"
LOOP = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
STUBBORN = "trap '' TERM; while :; do sleep 0.1; done"


def soon(seconds: float = WAIT) -> float:
    """A deadline."""
    return time.monotonic() + seconds


@dataclass(frozen=True)
class Gateway:
    """A running AWS gateway."""

    layout: Layout
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, layout: Layout) -> Gateway:
        layout.logs.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "sandbox.aws", "--dir", str(layout.root), "--pace", "0"]
        with (layout.logs / "aws.log").open("ab") as log:
            process = subprocess.Popen(argv, cwd=CHECKOUT, stdout=log, stderr=log)
        ready = layout.aws / "ready.json"
        wait_until(lambda: ready.exists() or process.poll() is not None, 60, "the AWS gateway")
        assert process.poll() is None, (layout.logs / "aws.log").read_text()
        return cls(layout, process)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    @property
    def endpoint(self) -> str:
        return json.loads((self.layout.aws / "ready.json").read_text())["endpoint"]

    @property
    def faults(self) -> FaultClient:
        return FaultClient(self.endpoint)

    def aws(self) -> Aws:
        """Adapters as the product makes them, with its own retries."""
        return Aws("us-east-1", dict.fromkeys(SERVICES, self.endpoint))

    def create(self, name: str, **more: Any) -> Instance:
        settings: dict[str, Any] = {
            "DBInstanceClass": "db.t4g.medium",
            "Engine": "postgres",
            "AllocatedStorage": 20,
            "MasterUsername": "ghostadmin",
            "MasterUserPassword": PASSWORD,
            "DBName": "app",
            "BackupRetentionPeriod": 7,
        }
        self.aws().open_client("rds").create_db_instance(DBInstanceIdentifier=name, **(settings | more))
        return self.available(name)

    def available(self, name: str) -> Instance:
        rds = Rds(self.aws())
        instance = rds.find_instance(name)
        assert instance
        return rds.wait_until(
            instance.resource_id,
            lambda item: item.status == "available",
            stop=threading.Event(),
            deadline=soon(),
            subject=name,
            longest=0.2,
        )

    def connect(self, instance: Instance, **more: Any) -> psycopg.Connection[Any]:
        """A session as somebody else's: not this program's."""
        assert instance.endpoint
        settings: dict[str, Any] = {
            "host": instance.endpoint.host,
            "port": instance.endpoint.port,
            "user": "ghostadmin",
            "password": PASSWORD,
            "dbname": "app",
            "sslmode": "require",
            "autocommit": True,
        }
        return psycopg.connect(**(settings | more))

    def sql(self, instance: Instance, statement: Any) -> None:
        with self.connect(instance) as session:
            session.execute(sql.SQL(statement))


@dataclass(frozen=True)
class Home:
    """A namespace of one test."""

    api: Api
    name: str

    @classmethod
    def make(cls, api: Api) -> Home:
        home = cls(api, f"t-{uuid.uuid4().hex[:8]}")
        api.create("/api/v1/namespaces", {"metadata": {"name": home.name}})
        home.create(
            "/api/v1", "secrets", {"metadata": {"name": "credentials"}, "stringData": {"URL": "old", "KEY": "k"}}
        )
        home.create("/apis/apps/v1", "deployments", deployment("indexer", 2))
        wait_until(lambda: home.ready("indexer") == 2, WAIT, "2 pods ready")
        return home

    def remove(self) -> None:
        for kind in ("deployments", "statefulsets"):
            for item in self.api.list_items(f"/apis/apps/v1/namespaces/{self.name}/{kind}"):
                self.api.delete(f"/apis/apps/v1/namespaces/{self.name}/{kind}/{item['metadata']['name']}")
        self.api.delete(f"/api/v1/namespaces/{self.name}")

    @property
    def namespace(self) -> Namespace:
        return Namespace(self.api, self.name)

    def create(self, group: str, kind: str, item: dict[str, Any]) -> dict[str, Any]:
        return self.api.create(f"{group}/namespaces/{self.name}/{kind}?fieldManager=kubectl", item)

    def apply(self, group: str, kind: str, item: dict[str, Any]) -> None:
        """A server-side apply by this program's field manager, with force, as the provider's patches are."""
        path = f"{group}/namespaces/{self.name}/{kind}/{item['metadata']['name']}"
        self.api.patch(path, item, "apply", fieldManager=FIELD_MANAGER, force="true")

    def limited_to(self, kubeconfig: Path, rules: Sequence[Mapping[str, Any]]) -> str:
        """A kubeconfig with the rights of a Role and no others."""
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        self.create("/api/v1", "serviceaccounts", {"metadata": {"name": "limited"}})
        self.create(rbac, "roles", {"metadata": {"name": "limited"}, "rules": list(rules)})
        binding = {
            "metadata": {"name": "limited"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "limited"},
            "subjects": [{"kind": "ServiceAccount", "name": "limited", "namespace": self.name}],
        }
        self.create(rbac, "rolebindings", binding)
        path = f"/api/v1/namespaces/{self.name}/serviceaccounts/limited/token"
        token = self.api.create(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
        return with_changes(kubeconfig, {"token": token["status"]["token"]})

    def ready(self, name: str) -> int:
        live = self.namespace.read_deployments([name])[name]
        return live.ready if live else 0


def changed(kubeconfig: Path, user: dict[str, Any] | None = None, **cluster: str) -> Api:
    """The API with another login or server."""
    return Api(with_changes(kubeconfig, user, **cluster))


def with_changes(kubeconfig: Path, user: dict[str, Any] | None = None, **cluster: str) -> str:
    content = yaml.safe_load(kubeconfig.read_text())
    if user is not None:
        content["users"][0]["user"] = user
    content["clusters"][0]["cluster"] |= cluster
    return yaml.safe_dump(content)


def container(script: str = LOOP, **more: Any) -> dict[str, Any]:
    return {"name": "app", "image": "busybox", "command": ["sh", "-c", script], **more}


def deployment(name: str, replicas: int, script: str = LOOP, **more: Any) -> dict[str, Any]:
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 5 if script == STUBBORN else 2, "containers": [container(script, **more)]}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, WAIT, what)
