"""A drill on a stack that serves: a restore, the switch and the way back are rehearsed, and nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from sandbox.application import names, nightly_dump, second_region
from sandbox.application.stack_config import configuration_of_second_region
from sandbox.aws.client import clients
from sandbox.machine.processes import wait_until
from sandbox.trouble import catalogue
from tests.support.sandbox.harness import Project, Run, Sandbox

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{names.DRILL_NAMESPACE}/leases/restore-drill"
KINDS = ("Deployment", "Job", "Secret", "ConfigMap", "NetworkPolicy")
READ_ONLY = "read-only transaction"


def drill(project: Project, *words: str) -> Run:
    return project.restore("drill", "--json", *words)


def left(sandbox: Sandbox) -> list[str]:
    """What of a drill is in the scratch namespace."""
    return [
        f"{kind} {item['metadata']['name']}"
        for kind in KINDS
        for item in sandbox.kube.list(kind, names.DRILL_NAMESPACE, "restore.pulumi/drill")
    ]


def traffic(sandbox: Sandbox) -> tuple[Any, ...]:
    """Changes as soon as anybody touches the applications, their secret, or the source."""
    return sandbox.generations(), sandbox.secret_version(), sandbox.instances()


def problems(result: dict[str, Any], name: str) -> dict[str, str]:
    """What a phase found wrong, by subject."""
    (phase,) = [phase for phase in result["phases"] if phase["name"] == name]
    return {problem["subject"]: problem["found"] for problem in phase["problems"]}


def phases(result: dict[str, Any]) -> dict[str, str]:
    return {phase["name"]: phase["verdict"] for phase in result["phases"]}


@pytest.mark.slow
def test_a_drill_proves_a_restore_and_leaves_nothing_but_its_evidence(
    sandbox: Sandbox, project: Project, tmp_path: Path
) -> None:
    before, stack, file = traffic(sandbox), project.pulumi("stack", "ls").ok().text, tmp_path / "drill.xml"
    project.pulumi("config", "set", "--path", "targets.rto", "1h").ok()
    result = json.loads(drill(project, "--junit", str(file)).ok().stdout)
    assert set(phases(result).values()) == {"PASS"}, result
    assert result["passed"]
    (copied,) = [phase["found"] for phase in result["phases"] if phase["name"] == "copies"]
    assert "in a closed network" in copied
    assert 0 < result["rto_seconds"] < 3600
    assert 0 <= result["rpo_seconds"] < 3600
    assert traffic(sandbox) == before
    assert left(sandbox) == []
    assert project.pulumi("stack", "ls").ok().text == stack
    suite = Xml.fromstring(file.read_bytes())
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert int(suite.get("tests") or 0) == len(result["phases"])


@pytest.mark.slow
def test_a_drill_of_damaged_data_fails_by_the_check_s_name_and_still_leaves_nothing(
    sandbox: Sandbox, project: Project
) -> None:
    before = traffic(sandbox)
    project.pulumi("config", "set", "--path", "validation.inline.tables.users.min", "10000000").ok()
    failed = drill(project)
    assert failed.code == 1
    result = json.loads(failed.stdout)
    assert not result["passed"]
    (restore,) = [phase for phase in result["phases"] if phase["name"] == "restore"]
    assert "validated.rows:public.users" in {problem["subject"] for problem in restore["problems"]}
    assert phases(result)["tear down"] == "PASS"
    assert traffic(sandbox) == before
    assert left(sandbox) == []


def drilled(sandbox: Sandbox) -> list[str]:
    """The instances that drills have made."""
    return [identifier for identifier in sandbox.instances() if identifier.startswith(f"{names.INSTANCE}-drill-")]


@pytest.mark.slow
def test_what_a_killed_drill_leaves_is_deleted_by_the_next_and_by_none_at_its_side(
    sandbox: Sandbox, project: Project
) -> None:
    before = traffic(sandbox)
    process = project.start("python", "-m", "restore", "drill")
    wait_until(lambda: bool(left(sandbox)), 180, "copies of the drill", 0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    (killed,) = drilled(sandbox)
    drill(project).failed("drill.running")
    assert drilled(sandbox) == [killed]
    sandbox.kube.request("DELETE", LEASE)  # as after the two minutes for which it counts
    result = json.loads(drill(project).ok().stdout)
    (cleaned,) = [phase for phase in result["phases"] if phase["name"] == "clean up"]
    assert any(killed in item for item in cleaned["facts"]["deleted"])
    assert traffic(sandbox) == before
    assert left(sandbox) == []


@pytest.mark.slow
def test_a_drill_that_the_cluster_ends_deletes_what_it_has_made(sandbox: Sandbox, project: Project) -> None:
    before = traffic(sandbox)
    process = project.start("python", "-m", "restore", "drill")
    wait_until(lambda: bool(drilled(sandbox)), 180, "the restored instance", 0.1)
    process.terminate()
    assert process.wait(240) == 1, project.output
    assert "drill FAILED" in project.output
    assert traffic(sandbox) == before
    assert left(sandbox) == []


@contextmanager
def ignored_policies(sandbox: Sandbox) -> Generator[None]:
    """A cluster whose network plugin enforces no policies."""
    catalogue.play(sandbox.layout, "policies-ignored")
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, "policies-ignored")


@pytest.mark.slow
def test_no_copy_starts_in_a_cluster_that_enforces_no_policies(sandbox: Sandbox, project: Project) -> None:
    before = traffic(sandbox)
    with ignored_policies(sandbox):
        failed = drill(project)
    assert failed.code == 1
    result = json.loads(failed.stdout)
    assert "no network policy is enforced" in problems(result, "copies")["drill.network"]
    assert "switch" not in phases(result)
    assert phases(result)["tear down"] == "PASS"
    assert traffic(sandbox) == before
    assert left(sandbox) == []


@pytest.mark.slow
def test_a_copy_that_writes_is_refused_by_the_restored_database_unless_the_drill_lets_it(
    sandbox: Sandbox, project: Project
) -> None:
    """The sandbox's own configuration lets it: the other drills here pass."""
    project.edit(lambda config: config["restore:drill"].update(writes=False, readySeconds=15))
    process = project.start("python", "-m", "restore", "drill", "--json")
    wait_until(lambda: READ_ONLY in read_copies_log(sandbox) or process.poll() is not None, 240, READ_ONLY, 0.1)
    assert process.wait(240) == 1
    assert "the copies to be ready" in project.output
    assert left(sandbox) == []


def read_copies_log(sandbox: Sandbox) -> str:
    """The logs of the copies that run."""
    space = names.DRILL_NAMESPACE
    pods = sandbox.kube.list("Pod", space, "restore.pulumi/drill")
    texts = [sandbox.kube.logs(space, pod["metadata"]["name"]) for pod in pods if pod["status"]["phase"] == "Running"]
    return "\n".join(texts)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["snapshot", "dump"])
def test_a_drill_rehearses_each_method(sandbox: Sandbox, project: Project, method: str) -> None:
    if method == "snapshot":
        sandbox.aws.rds.create_db_snapshot(DBInstanceIdentifier=names.INSTANCE, DBSnapshotIdentifier="of-the-drill")
        sandbox.aws.rds.get_waiter("db_snapshot_available").wait(
            DBSnapshotIdentifier="of-the-drill", WaiterConfig={"Delay": 1}
        )
    else:
        nightly_dump.run(sandbox.layout)
    before = traffic(sandbox)
    result = json.loads(drill(project, "--method", method).ok().stdout)
    assert set(phases(result).values()) == {"PASS"}, result
    assert result["recovery_point"].startswith(f"{method}:")
    assert traffic(sandbox) == before
    assert left(sandbox) == []


@pytest.mark.slow
def test_the_stack_of_another_region_is_drilled_there(sandbox: Sandbox, project: Project) -> None:
    second_region.prepare(sandbox.layout)
    rds = clients(sandbox.layout, second_region.REGION).rds
    west = configuration_of_second_region(sandbox.layout)
    project.edit(lambda config: config.update({**west, "restore:evidence": config["restore:evidence"]}))
    project.expect({"tables": {"users": {"min": 10_000}, "transactions": {"min": 50_000}}})
    before = traffic(sandbox)
    try:
        result = json.loads(drill(project).ok().stdout)
        assert set(phases(result).values()) == {"PASS"}, result
        assert rds.describe_db_instances()["DBInstances"] == []
        assert traffic(sandbox) == before
        assert set(second_region.replicas(sandbox.layout).values()) == {0}
        assert left(sandbox) == []
    finally:
        second_region.clear(sandbox.layout)
