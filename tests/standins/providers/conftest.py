"""Plugins as processes, and what they talk to."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.cluster import KubernetesCluster, binary
from sandbox.cluster.launcher import images, postgres_programs
from sandbox.machine.layout import Layout
from sandbox.machine.processes import wait_until
from tests.support.standins.kube_cluster import Namespace, fresh
from tests.support.standins.plugin_client import Plugin

PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


@pytest.fixture
def start() -> Iterator[Callable[..., Plugin]]:
    """Starts plugins with a bare environment (plus what is named), and ends them after the test."""
    running: list[Plugin] = []

    def started(package: str, **environment: str) -> Plugin:
        bare = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        bare["PATH"] = f"{Path(sys.executable).parent}:{bare['PATH']}"
        running.append(Plugin.start(package, {**bare, **environment}))
        return running[-1]

    yield started
    for plugin in running:
        plugin.close()


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    """A cluster for the session, or the loopback one that RESTORE_TEST_KUBECONFIG names."""
    if given := os.environ.get("RESTORE_TEST_KUBECONFIG"):
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="providers-", dir="/tmp") as folder:
        layout = Layout.at(Path(folder))
        cluster = KubernetesCluster(layout)
        process = cluster.start(binary(), images(postgres_programs(), {}))
        try:
            wait_until(cluster.ready_file.exists, 60, "the cluster's API server")
            yield layout.kubeconfig
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
            cluster.remove_leftovers()


@pytest.fixture
def namespace(kubeconfig: Path) -> Iterator[Namespace]:
    made = fresh(kubeconfig)
    yield made
    made.delete()


@pytest.fixture
def kubernetes(start: Callable[..., Plugin], kubeconfig: Path) -> Plugin:
    plugin = start("kubernetes")
    plugin.configure(kubeconfig=str(kubeconfig))
    return plugin
