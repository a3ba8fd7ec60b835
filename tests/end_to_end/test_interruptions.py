"""Killed late: in a gate's wait, in the switch, on the way back. Each time the next `up` goes on where it was."""

from __future__ import annotations

import os
import signal

from sandbox.application import names
from sandbox.application.deploy import application_login
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox

BOTH = {names.INSTANCE, f"{names.INSTANCE}-inc-1"}


def program_killed(sandbox: Sandbox, project: Project) -> str:
    """Kills the program, not the engine, once the first Deployment is at zero; returns what the engine said."""
    process = project.start("pulumi", "up", "--yes", "--skip-preview")
    try:
        wait_until(lambda: 0 in sandbox.replicas().values(), 90, "the first Deployment at zero", 0.05)
        pid = project.program()
        assert pid is not None, project.output
        os.kill(pid, signal.SIGKILL)
        assert process.wait(60) != 0, project.output
        return project.output
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_kills_in_a_wait_in_the_switch_and_on_the_way_back_leave_nothing_half_done(
    sandbox: Sandbox, project: Project
) -> None:
    url = sandbox.url
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    with application_login(url, "somebody"):
        project.killed_when(lambda: "quiesced: waiting for" in project.output, "the wait of a gate")
    project.unlock()
    project.up().ok()
    made = sandbox.instances()
    assert set(made) == BOTH

    project.config(traffic="restored")
    project.killed_when(lambda: sandbox.url != url, "the switch of the secret")
    project.unlock()
    project.up().ok()
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert project.evidence("inc-1", "serving")[-1]["open"]

    project.config(traffic="frozen")
    assert "Traceback" not in program_killed(sandbox, project)
    project.up().ok()
    assert set(sandbox.replicas().values()) == {0}
    project.config(traffic="source")
    project.up().ok()
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert sandbox.url == url
    assert sandbox.instances() == made
