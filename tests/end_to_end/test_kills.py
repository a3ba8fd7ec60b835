"""Killed at any moment, the next `up` goes on: no second database, no lost replicas, no secret half-way."""

from __future__ import annotations

import signal

from sandbox.application import names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"


def frozen(project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")


def converges(sandbox: Sandbox, project: Project) -> None:
    """The lock is explained and cleared; the next run ends well with one candidate."""
    project.up().failed("pulumi cancel")
    project.pulumi("cancel", "--yes").ok()
    made = sandbox.instances().get(CANDIDATE)
    project.up().ok()
    assert made in (None, sandbox.instances()[CANDIDATE])
    assert set(sandbox.instances()) == {names.INSTANCE, CANDIDATE}
    assert set(sandbox.replicas().values()) == {0}


def test_a_kill_while_the_candidate_is_made_makes_no_second_one(sandbox: Sandbox, project: Project) -> None:
    frozen(project)
    project.killed_when(lambda: CANDIDATE in sandbox.instances(), "the candidate being made")
    converges(sandbox, project)
    project.config(traffic="restored")
    project.up().ok()
    assert sandbox.replicas() == names.DEPLOYMENTS


def test_a_kill_while_the_applications_stop_loses_no_replicas(sandbox: Sandbox, project: Project) -> None:
    frozen(project)
    project.killed_when(lambda: 0 in sandbox.replicas().values(), "the first Deployment at zero")
    converges(sandbox, project)
    project.config(traffic="source")
    project.up().ok()
    assert sandbox.replicas() == names.DEPLOYMENTS


def test_a_stop_by_the_operator_ends_a_wait_with_words_and_is_taken_up_again(
    sandbox: Sandbox, project: Project
) -> None:
    frozen(project)
    sandbox.kube.scale("indexer", names.NAMESPACE, 2)
    project.extra["RESTORE_SESSION_GRACE_SECONDS"] = "60"
    with sandbox.admin():
        ended = project.killed_when(lambda: "quiesced: waiting for" in project.output, "the wait", signal.SIGINT)
    assert ended.code != 0
    assert "Traceback" not in ended.text
    project.up().ok()


def test_two_ups_at_once_are_refused_by_the_lock(sandbox: Sandbox, project: Project) -> None:
    frozen(project)
    first = project.start("pulumi", "up", "--yes", "--skip-preview")
    try:
        lock = project.folder / "state" / ".pulumi" / "locks"
        wait_until(lambda: lock.exists() and any(lock.rglob("*.json")), 30, "the first up's lock")
        project.up().failed("locked")
        assert first.wait(120) == 0, project.output
    finally:
        if first.poll() is None:
            first.kill()
            first.wait()


def test_throttling_is_waited_out_and_a_failed_restore_is_told(sandbox: Sandbox, project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest")
    # A failed instance takes no modification: protected, it could not be deleted after the test, as on AWS
    project.pulumi("config", "set", "--path", "instance.deletionProtection", "false").ok()
    sandbox.aws.faults.add("throttle", "DescribeDBInstances", times=3)
    sandbox.aws.faults.add("fail-restore", "RestoreDBInstanceToPointInTime")
    project.up().failed("incompatible-restore")
    refused = project.up().failed("incompatible-restore")
    assert "pulumi config set id" in refused.text
