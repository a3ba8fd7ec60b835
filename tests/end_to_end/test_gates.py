"""Each gate stays shut for a reason that it names, and opens at the next `up` once the reason is gone."""

from __future__ import annotations

import psycopg
from psycopg import sql

from sandbox.application import names
from sandbox.application.deploy import application_login
from tests.support.sandbox.harness import Project, Sandbox


def frozen(project: Project, restore_id: str = "inc-1") -> None:
    project.config(id=restore_id, method="pitr", time="latest", traffic="frozen")


def test_somebody_who_still_uses_the_source_keeps_the_freeze_shut(sandbox: Sandbox, project: Project) -> None:
    project.extra["RESTORE_SESSION_GRACE_SECONDS"] = "2"
    frozen(project)
    with application_login(sandbox.url, "forgotten-script"):
        project.up().failed("quiesced.sessions", "forgotten-script")
    assert sandbox.instances().keys() == {names.INSTANCE}
    project.up().ok()
    assert [one["open"] for one in project.evidence("inc-1", "quiesced")] == [False, True]


def test_wrong_data_never_serves_and_the_way_back_is_free(sandbox: Sandbox, project: Project) -> None:
    before = sandbox.replicas()
    frozen(project)
    project.expect({"tables": {"users": {"min": 10_000_000}}})
    project.up().failed("validated.rows:", "users")
    report = project.restore("report").ok().text
    assert report.startswith("FAIL")
    assert "validated.rows:public.users" in report
    project.config(traffic="restored")
    project.up().failed()
    assert set(sandbox.replicas().values()) == {0}
    project.config(traffic="source")
    project.up().ok()
    assert sandbox.replicas() == before
    project.expect({"tables": {"users": {"min": 10_000}}})
    project.config(traffic="frozen")
    project.up().ok()
    assert [one["open"] for one in project.evidence("inc-1", "validated")][-1] is True


def test_no_switch_to_a_database_that_the_application_cannot_log_in_to(sandbox: Sandbox, project: Project) -> None:
    frozen(project)
    project.up().ok()
    url = sandbox.url
    candidate = f"{names.INSTANCE}-inc-1"
    with sandbox.admin(candidate) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(names.APP_USER)))
    project.config(traffic="restored")
    project.up().failed("switched.row", "not permitted to log in", "no waiver covers this")
    assert sandbox.url == url
    assert set(sandbox.replicas().values()) == {0}
    with sandbox.admin(candidate) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(names.APP_USER)))
    project.up().ok()
    with psycopg.connect(sandbox.url.partition("?")[0], sslmode="require") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
