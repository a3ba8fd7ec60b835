"""Cutover by name: the URL stays, and another instance answers to it; there and back, refused, killed."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import conninfo

from sandbox.application import names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox
from validation.connect import urls

SOURCE = names.INSTANCE
CANDIDATE, ASIDE = f"{SOURCE}-inc-1", f"{SOURCE}-before-inc-1"
SESSIONS = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{names.APP_USER}'"


def ask_for_rename(sandbox: Sandbox, project: Project) -> dict[str, str]:
    """Freezes, with a candidate made of this moment; returns DbiResourceId by what the instance is."""
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen", cutover="rename")
    project.up().ok()
    made = sandbox.instances()
    return {"source": made[SOURCE], "candidate": made[CANDIDATE]}


def move(project: Project, traffic: str) -> None:
    project.config(traffic=traffic)


def test_the_name_moves_there_and_back_and_the_secret_never_changes(sandbox: Sandbox, project: Project) -> None:
    secret, version = sandbox.secret(), sandbox.secret_version()
    ids = ask_for_rename(sandbox, project)
    move(project, "restored")
    switched = project.up().ok()
    assert f"renames: {SOURCE} to {ASIDE}, {CANDIDATE} to {SOURCE}" in switched.text
    assert sandbox.instances() == {SOURCE: ids["candidate"], ASIDE: ids["source"]}
    assert (sandbox.ask(SESSIONS, SOURCE)[0] > 0, sandbox.ask(SESSIONS, ASIDE)[0]) == (True, 0)
    safety = next(one for one in sandbox.snapshots() if one["DBSnapshotIdentifier"] == f"{CANDIDATE}-safety")
    assert (safety["DBInstanceIdentifier"], safety["DbiResourceId"]) == (SOURCE, ids["source"])
    project.restore("rollback", "--accept-loss", "--yes").ok()
    assert at_home(sandbox, ids)
    assert (sandbox.secret(), sandbox.secret_version()) == (secret, version)


def at_home(sandbox: Sandbox, ids: dict[str, str]) -> bool:
    """Both instances have their first names, and the applications run."""
    home = {SOURCE: ids["source"], CANDIDATE: ids["candidate"]}
    return sandbox.instances() == home and sandbox.replicas() == names.DEPLOYMENTS


@pytest.mark.slow
def test_a_kill_between_two_calls_is_gone_on_from_in_both_directions(sandbox: Sandbox, project: Project) -> None:
    ids = ask_for_rename(sandbox, project)
    move(project, "restored")
    project.killed_when(lambda: ASIDE in sandbox.instances(), "the source aside")
    project.unlock()
    project.up().ok()
    assert sandbox.instances() == {SOURCE: ids["candidate"], ASIDE: ids["source"]}
    assert "unchanged" in project.up().changes
    move(project, "frozen")
    project.up().ok()
    move(project, "source")
    project.killed_when(lambda: CANDIDATE in sandbox.instances(), "the candidate under its own name again")
    project.unlock()
    project.up().ok()
    assert at_home(sandbox, ids)


@pytest.mark.slow
def test_a_refused_second_call_leaves_a_way_on_and_a_way_back(sandbox: Sandbox, project: Project) -> None:
    ids = ask_for_rename(sandbox, project)
    move(project, "restored")
    refusal = {"code": "InvalidParameterCombination", "message": "not today"}
    sandbox.aws.faults.add("error", "ModifyDBInstance", times=2, after=1, **refusal)
    refused = project.up().failed("renamed.holder", "not today", ASIDE)
    assert "pulumi config set traffic frozen; pulumi up; pulumi config set traffic source" in refused.text
    assert sandbox.instances() == {ASIDE: ids["source"], CANDIDATE: ids["candidate"]}
    assert set(sandbox.replicas().values()) == {0}
    assert "points at: nobody" in " ".join(project.restore("status").ok().text.split())
    move(project, "frozen")
    project.up().ok()
    move(project, "source")
    project.up().ok()
    assert at_home(sandbox, ids)


@pytest.mark.slow
def test_a_client_that_keeps_the_old_address_is_named_until_it_is_started_again(
    sandbox: Sandbox, project: Project
) -> None:
    ids = ask_for_rename(sandbox, project)
    kept = sandbox.layout.address("rds-instance", "us-east-1", ids["source"])
    sandbox.aws.faults.add("slow-dns", instance=SOURCE, seconds=5)
    sandbox.aws.faults.add("throttle", "ModifyDBInstance", times=1)
    move(project, "restored")
    process = project.start("pulumi", "up", "--yes", "--skip-preview")
    try:
        wait_until(lambda: SOURCE in sandbox.instances() and ASIDE in sandbox.instances(), 120, "the names moved", 0.1)
        login = urls.read_parameters(sandbox.url) | {"hostaddr": kept, "sslmode": "require"}
        with psycopg.connect(conninfo.make_conninfo("", **login, application_name="reports")):
            wait_until(lambda: "serving.dnsCache:" in project.output, 120, "the client to be named", 0.2)
        assert process.wait(120) == 0, project.output
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "to answer" in project.output
    project.restore("rollback", "--accept-loss", "--yes").ok()
    assert at_home(sandbox, ids)
