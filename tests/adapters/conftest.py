"""The sandbox's RDS and cluster, once for all tests of the adapters."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from restore.aws import Aws, Rds
from restore.kubernetes import Api
from restore.model.rds import Instance
from restore.model.request import Tls
from sandbox.cluster import KubernetesCluster, binary
from sandbox.cluster.launcher import images, postgres_programs
from sandbox.machine.layout import Layout
from sandbox.machine.processes import wait_until
from tests.support.sandbox.adapter_sandbox import CREDENTIALS, Gateway, Home


@pytest.fixture(scope="session")
def layout() -> Iterator[Layout]:
    """A state directory that the PostgreSQL servers' user can enter."""
    with tempfile.TemporaryDirectory(prefix="adapters-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Layout.at(Path(folder))


@pytest.fixture(scope="session")
def gateway(layout: Layout) -> Iterator[Gateway]:
    running = Gateway.start(layout)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield running
    running.stop()


@pytest.fixture(scope="session")
def aws(gateway: Gateway) -> Aws:
    return gateway.aws()


@pytest.fixture(scope="session")
def rds(aws: Aws) -> Rds:
    return Rds(aws)


@pytest.fixture(scope="session")
def source(gateway: Gateway, rds: Rds) -> Instance:
    """An available instance with a database `app` and the role `ghost_app`."""
    made = gateway.create("prod-db")
    gateway.sql(made, "create role ghost_app login password 'p@ss/w%rd'")
    gateway.sql(made, "create table public.users (id int primary key)")
    gateway.sql(made, "grant select, insert on public.users to ghost_app")
    return made


@pytest.fixture(scope="session")
def tls(layout: Layout) -> Tls:
    return Tls("verify-full", str(layout.ca))


@pytest.fixture(scope="session")
def kubeconfig(layout: Layout) -> Iterator[Path]:
    """A cluster for the session, or the loopback one that RESTORE_TEST_KUBECONFIG names."""
    if given := os.environ.get("RESTORE_TEST_KUBECONFIG"):
        yield Path(given)
        return
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
def home(kubeconfig: Path) -> Iterator[Home]:
    """A namespace with the Deployment `indexer` (2 replicas) and the Secret `credentials`, by kubectl's manager."""
    made = Home.make(Api(str(kubeconfig)))
    yield made
    made.remove()
