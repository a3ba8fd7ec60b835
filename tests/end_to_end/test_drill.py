"""A drill on a stack that serves: a restore, the switch and the way back are rehearsed, and nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from sandbox.application import names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Run, Sandbox

LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{names.DRILL_NAMESPACE}/leases/restore-drill"
KINDS = ("Deployment", "Job", "Secret", "ConfigMap", "NetworkPolicy")


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
