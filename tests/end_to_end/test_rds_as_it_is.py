"""RDS as real accounts have it: long first backups, rotated passwords, quotas, settings that no restore takes along."""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager

from sandbox.application import names
from sandbox.trouble import catalogue
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"


@contextmanager
def played(sandbox: Sandbox, trouble: str) -> Generator[None]:
    catalogue.play(sandbox.layout, trouble)
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, trouble)


def test_a_first_backup_of_hours_is_not_waited_for(sandbox: Sandbox, project: Project) -> None:
    """As the message says: Ctrl-C once, then `pulumi up`."""
    project.config(id="inc-1", method="pitr", time="latest", traffic="source")
    with played(sandbox, "long-backup"):
        project.killed_when(lambda: "backing-up: it answers" in project.output, "the first backup", signal.SIGINT)
        made = sandbox.instances()
        assert sandbox.status(CANDIDATE) == "backing-up"
        assert ("import", "candidate-inc-1") in project.preview().ok().steps
    project.up().ok()
    assert sandbox.instances() == made
    assert project.evidence("inc-1", "validated")[-1]["open"]


def test_applications_go_on_when_aws_refuses_the_restore(sandbox: Sandbox, project: Project) -> None:
    found = sandbox.incident()
    project.config(id="inc-1", method="pitr", time=found["restore_to"], traffic="frozen")
    with played(sandbox, "key-without-grant"):
        project.up().failed("KMSKeyNotAccessibleFault")
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert CANDIDATE not in sandbox.instances()
    project.up().ok()
    assert set(sandbox.replicas().values()) == {0}
