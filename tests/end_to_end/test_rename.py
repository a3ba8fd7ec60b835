"""Cutover by name: the URL stays, and another instance answers to it; there and back, refused, killed."""

from __future__ import annotations

from sandbox.application import names
from tests.support.sandbox.harness import Project, Sandbox

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
    assert f"renames: {SOURCE} to {ASIDE}, {CANDIDATE} to {SOURCE}" in project.preview().ok().text
    project.up().ok()
    assert sandbox.instances() == {SOURCE: ids["candidate"], ASIDE: ids["source"]}
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert (sandbox.ask(SESSIONS, SOURCE)[0] > 0, sandbox.ask(SESSIONS, ASIDE)[0]) == (True, 0)
    assert "unchanged" in project.up().changes
    project.restore("rollback", "--yes").ok()
    assert sandbox.instances() == {SOURCE: ids["source"], CANDIDATE: ids["candidate"]}
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert (sandbox.secret(), sandbox.secret_version()) == (secret, version)
