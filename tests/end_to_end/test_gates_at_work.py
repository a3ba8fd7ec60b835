"""The gates that act on what others changed meanwhile: settings brought in line, and who serves in the end."""

from __future__ import annotations

import contextlib
import signal
from functools import partial

import psycopg

from sandbox.application import names
from sandbox.application.deploy import application_login
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"


def test_a_candidate_changed_behind_the_programs_back_is_brought_in_line_or_refused(
    sandbox: Sandbox, project: Project
) -> None:
    before = sandbox.generations(), sandbox.secret_version()
    project.config(id="inc-1", method="pitr", time="latest")
    project.killed_when(lambda: CANDIDATE in sandbox.instances(), "the candidate being made")
    project.unlock()
    wait_until(lambda: sandbox.instance(CANDIDATE)["DBInstanceStatus"] == "available", 60, "the candidate", 0.1)
    made, given = sandbox.instances(), sandbox.instance(CANDIDATE)["DBInstanceClass"]
    change = partial(sandbox.aws.rds.modify_db_instance, DBInstanceIdentifier=CANDIDATE)
    change(BackupRetentionPeriod=1, ApplyImmediately=True)
    wait_until(lambda: sandbox.instance(CANDIDATE)["BackupRetentionPeriod"] == 1, 30, "the change", 0.1)
    wait_until(lambda: sandbox.instance(CANDIDATE)["DBInstanceStatus"] == "available", 60, "its first backup", 0.1)
    change(DBInstanceClass="db.r6g.xlarge", ApplyImmediately=False)

    # Somebody's change for the maintenance window is neither applied by the adoption nor by the gate
    project.up().failed("queued by somebody else", "DBInstanceClass")
    found = sandbox.instance(CANDIDATE)
    assert (found["DBInstanceClass"], found["PendingModifiedValues"]) == (given, {"DBInstanceClass": "db.r6g.xlarge"})
    assert [one["open"] for one in project.evidence("inc-1", "conformed")] == [False]
    assert project.evidence("inc-1", "validated") == []

    change(DBInstanceClass=given, ApplyImmediately=False)
    project.up().ok()
    assert sandbox.instance(CANDIDATE)["BackupRetentionPeriod"] == 7
    assert "backupRetentionPeriod" in project.evidence("inc-1", "conformed")[-1]["facts"]["changed"]
    assert sandbox.instances() == made
    assert (sandbox.generations(), sandbox.secret_version()) == before


def test_a_client_that_goes_on_with_the_old_database_is_named_until_it_ends(sandbox: Sandbox, project: Project) -> None:
    url = sandbox.url
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.up().ok()
    project.config(traffic="restored")
    with contextlib.ExitStack() as open_until_stopped:
        late: list[psycopg.Connection] = []

        def named() -> bool:
            if sandbox.url != url and not late:
                late.append(open_until_stopped.enter_context(application_login(url, "late-report")))
            return "serving: waiting for" in project.output and "late-report" in project.output

        ended = project.killed_when(named, "the late client being named", signal.SIGINT)
    assert ended.code != 0
    assert "Traceback" not in ended.text
    assert "pulumi up" in ended.text
    project.up().ok()
    assert [one["open"] for one in project.evidence("inc-1", "serving")] == [False, True]
    assert sandbox.replicas() == names.DEPLOYMENTS
