"""Gates in Jobs beside the database, followed by a run that can't reach it."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.application import names
from sandbox.machine.processes import wait_until
from sandbox.postgres.host import location
from sandbox.postgres.identity import Identity
from tests.support.sandbox.harness import Project, Sandbox, command_lines
from tests.support.tunnel import TUNNEL, forwarded

BUCKET = "ghost-protocol-sandbox-evidence"
NOWHERE = "127.0.0.1:9"
"""Nothing answers there."""


def beside_the_database(sandbox: Sandbox, project: Project, restore_id: str = "inc-1") -> None:
    """Gates run in Jobs, and the operator's machine reaches no database."""
    sandbox.aws.s3.create_bucket(Bucket=BUCKET)
    barred = {names.INSTANCE: NOWHERE, f"{names.INSTANCE}-{restore_id}": NOWHERE}
    project.edit(
        lambda config: config.update(
            {
                "restore:evidence": f"s3://{BUCKET}/restores/{uuid.uuid4().hex}",
                "restore:runner": "kubernetes",
                "restore:runnerJob": {"image": "registry.example/restore:1"},
                "restore:tunnel": barred,
            }
        )
    )


def records(sandbox: Sandbox, project: Project, gate: str, restore_id: str = "inc-1") -> list[dict[str, Any]]:
    """The attempts of a gate, oldest first."""
    place = project.pulumi("config", "get", "evidence").ok().text.strip().removeprefix(f"s3://{BUCKET}/")
    prefix = f"{place}/{project.stack}/{restore_id}/"
    listed = sandbox.aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix, Delimiter="/").get("Contents", [])
    keys = sorted(key for item in listed if (key := str(item.get("Key"))).endswith(f"-{gate}.json"))
    return [json.loads(sandbox.aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]


def jobs(sandbox: Sandbox) -> list[str]:
    return [item["metadata"]["name"] for item in sandbox.kube.list("Job", names.NAMESPACE)]


def freeze(sandbox: Sandbox, project: Project) -> None:
    """Without a database that this machine reaches."""
    beside_the_database(sandbox, project)
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    frozen = project.up().ok()
    assert "runs in the cluster" in frozen.text
    for gate in ("quiesced", "validated"):
        assert records(sandbox, project, gate)[-1]["open"], gate
    assert jobs(sandbox) == []


def test_a_machine_that_reaches_no_database_restores_and_proves(sandbox: Sandbox, project: Project) -> None:
    freeze(sandbox, project)
    loss = records(sandbox, project, "validated")[-1]["facts"]["loss"]
    assert loss["precision"] == "exact"


@pytest.mark.slow
def test_a_machine_that_reaches_no_database_switches(sandbox: Sandbox, project: Project) -> None:
    freeze(sandbox, project)
    project.config(traffic="restored")
    project.up().ok()
    endpoint = sandbox.instance(f"{names.INSTANCE}-inc-1")["Endpoint"]["Address"]
    assert f"@{endpoint}:" in sandbox.url
    for gate in ("switched", "serving"):
        assert records(sandbox, project, gate)[-1]["open"], gate
    assert jobs(sandbox) == []


def hold_up(sandbox: Sandbox) -> Any:
    """A session on the source for which gate quiesced waits."""
    connection = sandbox.admin()
    connection.execute("SELECT 1")
    return closing(connection)


def waiting(sandbox: Sandbox) -> bool:
    """Whether the Job of quiesced has a pod that runs."""
    pods = sandbox.kube.list("Pod", names.NAMESPACE, "restore.pulumi/gate=quiesced")
    return any(pod["status"]["phase"] == "Running" for pod in pods)


def uids(sandbox: Sandbox) -> set[str]:
    return {item["metadata"]["uid"] for item in sandbox.kube.list("Job", names.NAMESPACE)}


@pytest.mark.slow
def test_a_laptop_that_closes_costs_no_proof_and_begins_no_second_one(sandbox: Sandbox, project: Project) -> None:
    beside_the_database(sandbox, project)
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.pulumi("config", "set", "--path", "quiet.graceSeconds", "600").ok()
    with hold_up(sandbox):
        project.killed_when(lambda: waiting(sandbox), "the Job of quiesced")
        begun = uids(sandbox)
        assert len(begun) == 1
        project.unlock()
        process = project.start("pulumi", "up", "--yes", "--skip-preview")
        try:
            wait_until(lambda: "follows Job restore-quiesced-inc-1-" in project.output, 60, "the run that follows", 0.2)
            assert uids(sandbox) == begun
        except BaseException:
            process.kill()
            raise
    assert process.wait(240) == 0, project.output
    (record,) = [one for one in records(sandbox, project, "quiesced") if one["open"]]
    assert record["facts"]["resource_id"] == sandbox.resource_id
    assert jobs(sandbox) == []


@pytest.mark.slow
def test_an_evicted_pod_begins_again_and_a_killed_one_says_so(sandbox: Sandbox, project: Project) -> None:
    beside_the_database(sandbox, project)
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.pulumi("config", "set", "--path", "quiet.graceSeconds", "600").ok()
    process = project.start("pulumi", "up", "--yes", "--skip-preview")
    try:
        with hold_up(sandbox):
            wait_until(lambda: waiting(sandbox), 120, "the Job of quiesced", 0.2)
            (pod,) = sandbox.kube.list("Pod", names.NAMESPACE, "restore.pulumi/gate=quiesced")
            name = pod["metadata"]["name"]
            eviction = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": names.NAMESPACE},
            }
            path = f"/api/v1/namespaces/{names.NAMESPACE}/pods/{name}/eviction"
            sandbox.kube.request("POST", path, body=eviction)
            wait_until(lambda: replaced(sandbox, name), 60, "another pod", 0.2)
            kill(sandbox)
        assert process.wait(240) != 0, project.output
    finally:
        if process.poll() is None:
            process.kill()
    assert "quiesced.unproved" in project.output
    assert "exit code 137" in project.output
    assert jobs(sandbox) == []
    project.up().ok()


def replaced(sandbox: Sandbox, name: str) -> bool:
    pods = sandbox.kube.list("Pod", names.NAMESPACE, "restore.pulumi/gate=quiesced")
    return any(pod["metadata"]["name"] != name and pod["status"]["phase"] == "Running" for pod in pods)


def kill(sandbox: Sandbox) -> None:
    """Ends the gate's process as the kernel does that is out of memory."""
    for pid, words in command_lines().items():
        if "restore\0gate" in words and str(sandbox.layout.root) in words:
            os.kill(pid, signal.SIGKILL)


@contextmanager
def barred_from_here(sandbox: Sandbox) -> Generator[None]:
    """The source's server refuses the operator, but from the tunnel's address."""
    clusters = location(sandbox.layout, Identity.choose()) / "clusters"
    file = clusters / sandbox.resource_id.lower() / "data" / "pg_hba.conf"
    before = file.read_text()
    rules = (f"hostssl all {names.MASTER_USER} {TUNNEL}/32 scram-sha-256", f"host all {names.MASTER_USER} all reject")
    read_again(file, "\n".join([*rules, before]))
    try:
        yield
    finally:
        read_again(file, before)


def read_again(file: Path, content: str) -> None:
    file.write_text(content)
    os.kill(int((file.parent / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)


@pytest.mark.slow
def test_a_tunnel_reaches_a_database_that_lets_nobody_else_in(sandbox: Sandbox, project: Project) -> None:
    """The server refuses the operator from this machine's own address, and takes it from the tunnel's."""
    endpoint = sandbox.instance()["Endpoint"]
    through: list[str] = []
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.pulumi("config", "set", "--path", "quiet.graceSeconds", "0").ok()
    with barred_from_here(sandbox), forwarded(endpoint["Address"], endpoint["Port"], through) as tunnel:
        project.up().failed("quiesced.unreachable")
        project.pulumi("config", "set", "--path", f"tunnel.{names.INSTANCE}", tunnel).ok()
        project.up().ok()
    assert through
    assert project.evidence("inc-1", "quiesced")[-1]["open"]
