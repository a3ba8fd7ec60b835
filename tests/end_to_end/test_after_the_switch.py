"""What a restore brings back, what it can't do yet, and clients and autoscalers as clusters really have them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException

import pytest

from sandbox.application import database, names
from sandbox.machine.processes import wait_until
from sandbox.trouble import catalogue
from sandbox.trouble.controllers.autoscalers import UNDER_LOAD
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"
ERASED = "00000000-aaaa-4aaa-8aaa-000000000017"
RECORD = "CREATE TABLE erasures AS SELECT 'somebody-earlier' AS user_id"
ERASE = f"DELETE FROM users WHERE id = '{ERASED}'"
ON_RECORD = f"INSERT INTO erasures VALUES ('{ERASED}')"
NEXT_SECOND = """SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC' + '1 s', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
CUSTOMER = f"INSERT INTO users (id, email) VALUES ('{ERASED}', 'forget@me.test')"


@contextmanager
def trouble(sandbox: Sandbox, name: str) -> Generator[None]:
    catalogue.play(sandbox.layout, name)
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, name)


def run_sql(sandbox: Sandbox, *statements: str) -> None:
    with sandbox.admin() as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def erased_customer(sandbox: Sandbox) -> Generator[str]:
    """A customer who is there at the second that is given, and whose data was erased on purpose afterwards."""
    run_sql(sandbox, CUSTOMER, RECORD)
    try:
        (moment,) = sandbox.ask(NEXT_SECOND)
        database.wait_restorable(sandbox.aws, moment)
        run_sql(sandbox, ERASE, ON_RECORD)
        yield moment
    finally:
        run_sql(sandbox, ERASE, "DROP TABLE erasures")


@pytest.mark.slow
def test_who_was_erased_on_purpose_does_not_come_back_unnoticed(sandbox: Sandbox, project: Project) -> None:
    erasure = {"users": {"key": "id", "record": "erasures", "recordKey": "user_id"}}
    with erased_customer(sandbox) as moment:
        project.edit(lambda config: config.update({"restore:erasure": erasure}))
        project.config(id="inc-1", method="pitr", time=moment, traffic="frozen")
        project.up().ok()
        tables = project.evidence("inc-1", "validated")[-1]["facts"]["loss"]["tables"]
        told = "rows of public.users that were erased on purpose come back: 1"
        assert [told in table["notes"] for table in tables if table["table"] == "public.users"] == [True]
        before = sandbox.url
        project.config(traffic="restored")
        project.up().failed("switched.erasure:public.users", told, "erase them again in")
        assert sandbox.url == before
        with sandbox.admin(CANDIDATE) as connection:
            connection.execute(ERASE.encode())
        project.up().ok()
    assert project.evidence("inc-1", "switched")[-1]["facts"]["erasure"] == {"public.users": 0}
    assert told in (project.folder / "evidence" / project.stack / "inc-1" / "report.html").read_text()


@pytest.mark.slow
def test_a_new_production_without_a_first_backup_is_said_to_have_no_way_back_in_time(
    sandbox: Sandbox, project: Project
) -> None:
    told = f"{CANDIDATE} is not recoverable to a point in time until its first automated backup has ended"
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    sandbox.aws.faults.add("slow-backing-up", "ModifyDBInstance", seconds=3600)
    project.up().ok()
    project.config(traffic="restored")
    project.up().ok()
    assert sandbox.status(CANDIDATE) == "backing-up"
    for command in (("status",), ("report",), ("close", "--yes")):
        assert told in " ".join(project.restore(*command).ok().text.split()), command


@contextmanager
def visitors(sandbox: Sandbox) -> Generator[None]:
    """Somebody asks each pod for something, again and again: then a lazy pool opens a session."""
    ended = threading.Event()

    def visit() -> None:
        while not ended.wait(0.1):
            for pod in sandbox.kube.list("Pod", names.NAMESPACE):
                with contextlib.suppress(OSError, HTTPException):
                    asked = HTTPConnection(pod["status"].get("podIP", ""), names.HEALTH_PORT, timeout=2)
                    asked.request("GET", "/work")
                    asked.getresponse().read()
                    asked.close()

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.slow
def test_clients_of_a_lazy_pool_behind_a_proxy_are_known_once_they_come(sandbox: Sandbox, project: Project) -> None:
    with trouble(sandbox, "proxy"), trouble(sandbox, "lazy-pools"):
        project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
        project.up().ok()
        project.config(traffic="restored")
        project.up().failed("no session yet", 'waive["serving.sessions:')
        assert project.evidence("inc-1", "serving")[-1]["verdict"] == "INCONCLUSIVE"
        with visitors(sandbox):
            project.up().ok()
    facts = project.evidence("inc-1", "serving")[-1]["facts"]
    assert all(facts["sessions"].values()), "known by their application names: their address is the proxy's"


@pytest.mark.slow
def test_an_autoscaler_that_scales_right_after_the_switch_is_no_failure_and_keeps_its_number(
    sandbox: Sandbox, project: Project
) -> None:
    served = names.DEPLOYMENTS["indexer"] + UNDER_LOAD
    with trouble(sandbox, "autoscaler"):
        wait_until(lambda: sandbox.replicas()["indexer"] == served, 60, "the load of now", 0.1)
        project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
        project.up().ok()
        project.config(traffic="restored")
        project.up().ok()
        scaled = {**names.DEPLOYMENTS, "indexer": served + UNDER_LOAD}
        assert sandbox.replicas() == scaled
        assert project.evidence("inc-1", "serving")[-1]["open"]
        project.up().ok()
        assert sandbox.replicas() == scaled
