"""Applications that are told their database otherwise than by one URL: found, switched along, given back."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from restore.kubernetes import Api, Namespace
from restore.model.request import SecretKey
from sandbox.application import names
from sandbox.machine.processes import wait_until
from sandbox.trouble import catalogue
from tests.support.sandbox.harness import Project, Sandbox, utc_now


@contextmanager
def trouble(sandbox: Sandbox, name: str) -> Generator[None]:
    catalogue.play(sandbox.layout, name)
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, name)


def configure(project: Project, **fields: Any) -> None:
    project.edit(lambda config: config["restore:secret"].update(fields))


def host(sandbox: Sandbox, identifier: str) -> str:
    return str(sandbox.instance(identifier)["Endpoint"]["Address"])


@pytest.mark.slow
def test_a_connection_in_keys_of_its_own_and_a_direct_url_are_switched_together_and_given_back(
    sandbox: Sandbox, project: Project
) -> None:
    project.config(id="inc-1", method="pitr", time=utc_now(), traffic="frozen")
    with trouble(sandbox, "other-key"), trouble(sandbox, "separate-keys"):
        before = sandbox.secret()
        configure(project, keys={"host": "DB_HOST", "port": "DB_PORT"})
        refused = project.preview()
        refused.failed(f"Secret/{names.SECRET}/DIRECT_URL names the source", "'secret.alsoKeys[0]' DIRECT_URL")
        project.pulumi("config", "set", "--plaintext", "--path", "secret.alsoKeys[0]", "DIRECT_URL").ok()
        project.up().ok()
        project.config(traffic="restored")
        project.up().ok()
        candidate = f"{names.INSTANCE}-inc-1"
        source, there = host(sandbox, names.INSTANCE), host(sandbox, candidate)
        assert sandbox.secret() == {key: value.replace(source, there) for key, value in before.items()}
        (written,) = sandbox.ask("SELECT count(*) FROM transactions", candidate)
        more = f"SELECT count(*) > {written} FROM transactions"
        wait_until(lambda: sandbox.ask(more, candidate)[0], 60, "rows written there", 0.1)
        for traffic in ("frozen", "source"):
            project.config(traffic=traffic)
            project.up().ok()
        assert sandbox.secret() == before


def test_every_other_place_that_names_the_source_is_told_by_name_and_never_by_value(
    sandbox: Sandbox, project: Project
) -> None:
    project.config(id="inc-1", method="pitr", time=utc_now(), traffic="frozen")
    with trouble(sandbox, "config-map"), trouble(sandbox, "environment"):
        refused = project.preview()
        refused.failed("ConfigMap/reporting-settings/READ_URL names the source", "env/READ_HOST names the source")
        assert "reporting@" not in refused.text


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_writers_that_are_no_workload_of_kubernetes_itself_are_named_with_what_stops_them(sandbox: Sandbox) -> None:
    namespace = Namespace(Api(str(sandbox.layout.operator_kubeconfig)), names.NAMESPACE)
    with ExitStack() as troubles:
        for name in ("keda-job", "cron-workflow", "knative-service", "rollout"):
            troubles.enter_context(trouble(sandbox, name))
        cluster = namespace.read_cluster(list(names.DEPLOYMENTS), SecretKey(names.SECRET, names.SECRET_KEY))
    blocking = {(writer.kind, writer.name) for writer in cluster.writers if writer.blocking}
    wanted = {("ScaledJob", "reindex"), ("CronWorkflow", "nightly-report"), ("KnativeService", "webhooks")}
    assert wanted | {("Rollout", "indexer")} <= blocking
    assert ("Deployment", "webhooks-00001-deployment") not in blocking
