"""What a trouble is, where it is played, and the controllers that go on playing it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sandbox.application import names
from sandbox.application.deploy import Application, silent
from sandbox.application.kubernetes_api import Json, Kube
from sandbox.application.names import IMAGE
from sandbox.aws.client import Clients
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import wait_until

Memory = dict[str, Any]
"""What the end of a trouble needs to know; JSON."""
SECONDS = 60.0


@dataclass(frozen=True)
class Trouble:
    """`says`: what happens, and how it shows. `off` None: what happened can't be undone."""

    name: str
    says: str
    on: Callable[[Stage], Memory]
    off: Callable[[Stage, Memory], None] | None


@dataclass(frozen=True)
class Stage:
    """A running sandbox; `instance` is the RDS instance that suffers, where the trouble is one of a database."""

    layout: Layout
    instance: str = names.INSTANCE

    @cached_property
    def application(self) -> Application:
        return Application(self.layout, silent)

    @property
    def aws(self) -> Clients:
        return self.application.aws

    @property
    def kube(self) -> Kube:
        return self.application.kube

    def describe(self) -> Any:
        return self.aws.rds.describe_db_instances(DBInstanceIdentifier=self.instance)["DBInstances"][0]

    def wait_available(self, name: str = "") -> None:
        """Until the instance, or the one of that name, is available."""
        identifier = name or self.instance

        def available() -> bool:
            described: Any = self.aws.rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]
            return described["DBInstanceStatus"] == "available"

        wait_until(available, SECONDS, f"{identifier} available", 0.1)

    def control(self, action: str, **body: object) -> None:
        """One of the gateway's requests for rehearsals: see sandbox.aws.conditions."""
        self.aws.post(action, **body)

    def start(self, controller: str, namespace: str, name: str = "", **options: str) -> Memory:
        """Runs one of sandbox.trouble.controllers as a Deployment: where it is, for `stop`."""
        where = {"namespace": namespace, "name": name or controller}
        self.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        arguments = [f"--option={key}={value}" for key, value in options.items()]
        command = [sys.executable, "-m", "sandbox.trouble.controllers", controller, "--dir", str(self.layout.root)]
        self.kube.create(controller_deployment(where["namespace"], where["name"], [*command, *arguments]))
        return where

    def stop(self, where: Memory) -> None:
        """Ends a controller that `start` began, and waits until its processes are gone."""
        namespace, name = where["namespace"], where["name"]
        self.kube.delete("Deployment", namespace, name)
        wait_until(lambda: not self.kube.list("Pod", namespace, f"app={name}"), SECONDS, f"end of {name}", 0.05)


def controller_deployment(namespace: str, name: str, command: list[str]) -> Json:
    path = os.pathsep.join([str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])])
    address = {"fieldRef": {"fieldPath": "status.podIP"}}
    env = [{"name": "PYTHONPATH", "value": path}, {"name": "POD_IP", "valueFrom": address}]
    container = {"name": "manager", "image": IMAGE, "command": command, "env": env}
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 10, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


class Played:
    """The troubles that are on, and what their ends need: trouble.json of the sandbox."""

    def __init__(self, layout: Layout) -> None:
        self._file = layout.root / "trouble.json"

    def all(self) -> dict[str, Memory]:
        """By name; each with its instance and memory."""
        return json.loads(self._file.read_text()) if self._file.exists() else {}

    def remember(self, name: str, instance: str, memory: Memory) -> None:
        self._write({**self.all(), name: {"instance": instance, "memory": memory}})

    def forget(self, name: str) -> None:
        self._write({key: value for key, value in self.all().items() if key != name})

    def _write(self, content: dict[str, Memory]) -> None:
        part = self._file.with_suffix(".part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it may hold a password
        with os.fdopen(handle, "w") as out:
            json.dump(content, out, indent=1)
        part.replace(self._file)
