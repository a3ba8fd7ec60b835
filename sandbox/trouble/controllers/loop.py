"""What every controller does: looks and acts, again and again."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sandbox.application.kubernetes_api import ClusterError, Json, Kube
from sandbox.application.names import NAMESPACE
from sandbox.aws.client import Clients, clients
from sandbox.machine.layout import Layout

LOOK_EVERY = 0.1
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


@dataclass
class Controller:
    """Where a controller works. `ended` is set when it must stop."""

    layout: Layout
    options: Mapping[str, str]
    ended: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def kube(self) -> Kube:
        return Kube(self.layout.kubeconfig)

    @cached_property
    def aws(self) -> Clients:
        return clients(self.layout, retries=3)

    def end_by_signal(self) -> None:
        """Has SIGTERM set `ended`: that is how the kubelet ends a pod."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.ended.set())

    def run(self, reconcile: Callable[[], None], every: float = LOOK_EVERY) -> None:
        """Reconciles again and again; an API server that refuses or is away is tried again, as a controller does."""
        while not self.ended.is_set():
            try:
                reconcile()
            except (ClusterError, KeyError) as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            self.ended.wait(every)

    def secret(self, name: str) -> Json | None:
        return self.kube.get("Secret", NAMESPACE, name)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
