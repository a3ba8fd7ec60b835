"""What a switch leaves behind: rows that somebody wrote to the old database, and who may still write there."""

from __future__ import annotations

import psycopg
import pytest

from sandbox.application import database, names
from sandbox.application.deploy import application_login
from tests.support.sandbox.harness import Project, Sandbox, utc_now

COMMENT = f"select shobj_description('{names.APP_USER}'::regrole, 'pg_authid')"
LAST = "select last_value from transactions_id_seq"
CANDIDATE = f"{names.INSTANCE}-inc-1"


def test_a_row_written_while_everybody_was_stopped_is_named_before_it_stays_behind(
    sandbox: Sandbox, project: Project
) -> None:
    before = sandbox.url
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    project.up().ok()
    with application_login(sandbox.url, "nightly-lambda") as connection:
        connection.execute("update users set email = email where id = (select id from users limit 1)")
    project.config(traffic="restored")
    refused = project.up().failed("switched.written", "1 (public.users 1)")
    assert sandbox.url == before
    assert "waive" in refused.text
    project.edit(lambda config: config.update({"restore:waive": {"switched.written": "one e-mail was written again"}}))
    project.up().ok()
    assert sandbox.instance(CANDIDATE)["Endpoint"]["Address"] in sandbox.url
    assert project.evidence("inc-1", "switched")[-1]["facts"]["written_since_freeze"] == 1


@pytest.mark.slow
def test_a_fence_follows_the_traffic_through_a_kill_and_back(sandbox: Sandbox, project: Project) -> None:
    url = sandbox.url
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen", fence="true")
    project.up().ok()
    project.config(traffic="restored")
    project.killed_when(lambda: "fenced: " in project.output, "the fence around the source")
    assert not comes_in(url)

    # Killed with the fence up, and the operator thinks better of it
    project.unlock()
    project.config(traffic="source")
    project.up().ok()
    assert comes_in(url)
    assert sandbox.replicas() == names.DEPLOYMENTS

    project.config(traffic="frozen")
    project.up().ok()
    project.config(traffic="restored")
    project.up().ok()
    candidate = sandbox.url
    assert (comes_in(url), comes_in(candidate)) == (False, True)
    assert sandbox.ask(COMMENT) == ("[fenced by restore inc-1] ",)
    assert "recoverable" in project.pulumi("stack", "output", "recoverable").ok().text
    said = " ".join(project.restore("status").ok().text.split())
    assert f"{names.APP_USER} can't log in (fenced by restore inc-1)" in said

    project.restore("rollback", "--accept-loss", "--yes").ok()
    assert sandbox.url == url
    assert (comes_in(url), comes_in(candidate)) == (True, False)
    assert sandbox.ask(COMMENT) == (None,)


def comes_in(url: str) -> bool:
    """Whether somebody with the application's URL can log in."""
    try:
        application_login(url, "forgotten").close()
    except psycopg.OperationalError as error:
        return "is not permitted to log in" not in str(error)
    return True


@pytest.mark.slow
def test_numbers_that_customers_have_seen_are_not_given_out_again(sandbox: Sandbox, project: Project) -> None:
    moment = utc_now()
    database.wait_restorable(sandbox.aws, moment)
    project.config(id="inc-1", method="pitr", time=moment, traffic="frozen", sequences="ahead")
    project.up().ok()
    given_out = sandbox.ask(LAST)
    assert sandbox.ask(LAST, CANDIDATE) < given_out
    project.config(traffic="restored")
    project.up().ok()
    moved = project.evidence("inc-1", "switched")[-1]["facts"]["sequences"]["moved"]["public.transactions_id_seq"]
    assert moved["before"] < moved["after"] == given_out[0]
    assert sandbox.ask(LAST, CANDIDATE) > given_out
