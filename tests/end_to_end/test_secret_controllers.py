"""Controllers that put the connection secret back: known by their marks, paused as printed, then accepted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from restore.kubernetes import Api, Namespace
from restore.model.cluster import Writer
from restore.model.request import SecretKey
from sandbox.application import names
from sandbox.application.operator_rights import OperatorRights
from sandbox.machine.processes import wait_until
from sandbox.trouble import catalogue
from tests.support.sandbox.harness import Project, Sandbox, utc_now

SECRET = SecretKey(names.SECRET, names.SECRET_KEY)
PLURALS = {
    "externalsecret": "/apis/external-secrets.io/v1/namespaces/{}/externalsecrets/{}",
    "vaultstaticsecret": "/apis/secrets.hashicorp.com/v1beta1/namespaces/{}/vaultstaticsecrets/{}",
    "secretproviderclass": "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/{}/secretproviderclasses/{}",
    "deployment": "/apis/apps/v1/namespaces/{}/deployments/{}",
}


@contextmanager
def trouble(sandbox: Sandbox, name: str) -> Generator[None]:
    catalogue.play(sandbox.layout, name)
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, name)


def controllers(sandbox: Sandbox) -> dict[str, Writer]:
    """By kind, as the operator's own login sees them."""
    namespace = Namespace(Api(str(sandbox.layout.operator_kubeconfig)), names.NAMESPACE)
    return {writer.kind: writer for writer in namespace.find_secret_writers(SECRET)}


def follow(sandbox: Sandbox, command: str) -> None:
    """Does what a printed kubectl command says, as the cluster's administrator."""
    match shlex.split(command):
        case ["kubectl", "--namespace", namespace, "patch", kind, name, "--type", how, "--patch", patch]:
            Api(str(sandbox.layout.kubeconfig)).patch(PLURALS[kind].format(namespace, name), json.loads(patch), how)
        case ["kubectl", "--namespace", namespace, "scale", "deployment", name, "--replicas=0"]:
            sandbox.kube.scale(name, namespace, 0)
            wait_until(lambda: not sandbox.kube.list("Pod", namespace, f"app={name}"), 60, f"end of {name}", 0.05)
        case _:
            raise AssertionError(command)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("external-secret-owner", "ExternalSecret"),
        pytest.param("external-secret-orphan", "ExternalSecret", marks=pytest.mark.slow),
        pytest.param("external-secret-merge", "ExternalSecret", marks=pytest.mark.slow),
        pytest.param("vault-secret", "VaultStaticSecret", marks=pytest.mark.slow),
        pytest.param("csi-secret", "SecretProviderClass", marks=pytest.mark.slow),
        pytest.param("sealed-secret", "SealedSecret", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_controller_blocks_until_the_printed_command_pauses_it(sandbox: Sandbox, name: str, kind: str) -> None:
    with trouble(sandbox, name):
        writer = controllers(sandbox)[kind]
        assert writer.blocking
        commands = [piece.removeprefix("for all Secrets of the cluster: ") for piece in writer.stop.split(", or ")]
        follow(sandbox, commands[0].removeprefix("for all that it controls: "))
        wait_until(lambda: not controllers(sandbox)[kind].blocking, 60, f"{name} seen as paused", 0.05)
        before = sandbox.url
        sandbox.put_url("postgresql://elsewhere/db")
        assert not controllers(sandbox)[kind].blocking
        sandbox.put_url(before)


@pytest.mark.usefixtures("project")
def test_an_external_secret_that_never_writes_is_no_reason_to_refuse(sandbox: Sandbox) -> None:
    with trouble(sandbox, "external-secret-none"):
        assert controllers(sandbox) == {}


@pytest.mark.usefixtures("project")
def test_a_missing_right_is_said_and_not_called_unpaused(sandbox: Sandbox) -> None:
    rights = OperatorRights.of(sandbox.layout)
    with trouble(sandbox, "external-secret-owner"), rights.without("get externalsecrets.external-secrets.io"):
        writer = controllers(sandbox)["ExternalSecret"]
        assert writer.blocking
        assert "the right is missing (docs/permissions.md)" in writer.detail


@pytest.mark.slow
def test_a_secret_that_its_controller_puts_back_is_refused_then_waived_and_noticed_by_serving(
    sandbox: Sandbox, project: Project
) -> None:
    """A waiver is no proof: what the controller does after the switch is seen all the same."""
    project.config(id="inc-1", method="pitr", time=utc_now(), traffic="frozen")
    with trouble(sandbox, "external-secret-owner"):
        refused = project.preview()
        refused.failed("ExternalSecret database-credentials", "patch externalsecret", "preflight.writer:ExternalSecret")
        assert project.up_waiving("the store is changed at the same time") == [
            """'waive["preflight.writer:ExternalSecret/database-credentials"]'"""
        ]
        assert set(sandbox.replicas().values()) == {0}
        project.config(traffic="restored")
        project.up().failed("serving.secret:database-credentials")
