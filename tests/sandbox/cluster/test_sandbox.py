"""The whole sandbox by its command line: it comes up, breaks as asked, mends after kills, and goes away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sandbox.application import names
from sandbox.application.deploy import Application, application_login, health_of, silent
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import ProcessId, wait_until
from sandbox.runtime.lifecycle import remains
from sandbox.runtime.supervisor import Record

WAIT = 120.0


@dataclass(frozen=True)
class Whole:
    layout: Layout
    project: Path

    def run(self, *words: str, code: int = 0) -> str:
        argv = [sys.executable, "-m", "sandbox", *words, "--dir", str(self.layout.root)]
        done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=500, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def up(self, *words: str) -> str:
        return self.run("up", "--project", str(self.project), *words)

    def process(self, name: str) -> ProcessId:
        record = Record.read(self.layout)
        assert record is not None
        return record.processes[name]

    @property
    def application(self) -> Application:
        return Application(self.layout, silent)

    def connect(self) -> psycopg.Connection:
        url = self.application.database_url()
        assert url is not None
        return application_login(url, "test")


@pytest.fixture(scope="module")
def make_whole(folder: Callable[[], Path]) -> Iterator[Callable[..., Whole]]:
    made: list[Whole] = []

    def make(*words: str) -> Whole:
        made.append(Whole(Layout.at(folder() / "s"), folder()))
        made[-1].up(*words)
        return made[-1]

    yield make
    for one in made:
        one.run("down", "--purge")


@pytest.fixture(scope="module")
def whole(make_whole: Callable[..., Whole]) -> Whole:
    return make_whole()


def number(connection: psycopg.Connection, query: str) -> int:
    return int(connection.execute(query.encode()).fetchall()[0][0])


def test_every_pod_writes_under_its_own_name(whole: Whole) -> None:
    pods = {pod["metadata"]["name"] for pod in whole.application.kube.list("Pod", names.NAMESPACE)}
    assert len(pods) == sum(names.DEPLOYMENTS.values())
    with whole.connect() as connection:
        first = number(connection, "SELECT count(*) FROM transactions")
        wait_until(lambda: number(connection, "SELECT count(*) FROM transactions") > first + 20, WAIT, "more rows")
        query = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = current_user"
        assert pods <= {row[0] for row in connection.execute(query)}


WAITS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bad-migration' AND wait_event_type = 'Lock'"
HOLDS = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE application_name = 'bad-migration' AND relation = 'transactions'::regclass AND granted
"""


def incident_beside_a_slow_writer(whole: Whole) -> str:
    """The writer is an indexer on a busy machine: it holds a user's row, and comes to transactions last."""
    with ThreadPoolExecutor(1) as pool, whole.connect() as watching:
        with whole.connect() as writer, writer.transaction():
            owner = writer.execute("SELECT id FROM users LIMIT 1").fetchall()[0][0]
            made = "INSERT INTO smart_contracts (address, name, owner_id) VALUES ('0x0', 'slow', %s) RETURNING id"
            contract = writer.execute(made, [owner]).fetchall()[0][0]
            running = pool.submit(whole.run, "incident")
            wait_until(
                lambda: number(watching, WAITS) + number(watching, HOLDS) > 0, WAIT, "the incident at the tables"
            )
            statement = "INSERT INTO transactions (user_id, contract_id, amount) VALUES (%s, %s, 1)"
            writer.execute(statement, [owner, contract])
        return running.result()


def test_the_incident_damages_nothing_before_its_second(whole: Whole) -> None:
    happened = json.loads(incident_beside_a_slow_writer(whole))
    restore_to, at = (datetime.fromisoformat(happened[key]) for key in ("restore_to", "at"))
    assert restore_to.microsecond == 0
    assert (at - restore_to).total_seconds() >= 1
    assert datetime.fromisoformat(happened["newest_until"]) <= restore_to
    assert happened["deleted"] >= 5_000
    assert happened["updated"] == happened["rows_before"]["users"]
    with whole.connect() as connection:
        known = "SELECT email FROM users WHERE id = %s"
        assert connection.execute(known, [happened["known_user"]]).fetchall() != [(happened["known"]["email"],)]
        gone = "SELECT count(*) FROM transactions WHERE created_at BETWEEN %s - interval '59 minutes' AND %s"
        assert connection.execute(gone, [restore_to, restore_to]).fetchall() == [(0,)]


def test_a_second_incident_within_minutes_breaks_what_is_left(whole: Whole) -> None:
    happened = json.loads(whole.run("incident"))
    assert happened["updated"] == happened["rows_before"]["users"]
    assert happened["known_user"]


def test_a_second_up_changes_neither_replicas_nor_secret(whole: Whole) -> None:
    application = whole.application
    application.kube.scale("indexer", names.NAMESPACE, 0)
    before = application.kube.get("Secret", names.NAMESPACE, names.SECRET)
    wait_until(lambda: not application.kube.list("Pod", names.NAMESPACE, "app=indexer"), WAIT, "indexer stopped")
    whole.up()
    assert application.kube.get("Secret", names.NAMESPACE, names.SECRET) == before
    found = application.kube.get("Deployment", names.NAMESPACE, "indexer")
    assert found is not None
    assert found["spec"]["replicas"] == 0
    application.kube.scale("indexer", names.NAMESPACE, 2)
    wait_until(application.writing, WAIT, "indexer writing")


@pytest.mark.parametrize("part", ["aws", "cluster", "supervisor"])
def test_a_killed_part_is_mended_by_the_next_up(whole: Whole, part: str) -> None:
    with whole.connect() as connection:
        before = number(connection, "SELECT count(*) FROM transactions")
    killed = whole.process(part)
    killed.signal(signal.SIGKILL)
    wait_until(lambda: not killed.alive, WAIT, f"{part} ended")
    assert "not running" in run_status(whole)
    if part == "aws":
        # Its database servers end with it: a commit of a moment ago is no proof that pods write
        wait_until(lambda: any(health.get("error") for health in healths(whole)), WAIT, "a pod missing its database")
        assert not whole.application.writing()
    whole.up()
    assert whole.process(part) != killed
    assert "not running" not in run_status(whole)
    assert whole.application.writing()
    with whole.connect() as connection:
        assert number(connection, "SELECT count(*) FROM transactions") >= before


def healths(whole: Whole) -> list[dict[str, Any]]:
    return [health_of(pod) for pod in whole.application.kube.list("Pod", names.NAMESPACE)]


def run_status(whole: Whole) -> str:
    argv = [sys.executable, "-m", "sandbox", "status", "--dir", str(whole.layout.root)]
    return subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False).stdout


def test_sandboxes_side_by_side_do_not_meet(whole: Whole, make_whole: Callable[..., Whole]) -> None:
    other = make_whole("--no-app")
    assert other.layout.aws_endpoint != whole.layout.aws_endpoint
    assert other.application.aws.rds.describe_db_instances()["DBInstances"] == []
    assert whole.application.aws.rds.describe_db_instances()["DBInstances"] != []
    other.run("down")
    assert whole.application.writing()


def test_down_leaves_nothing_running_and_up_brings_the_rows_back(whole: Whole) -> None:
    with whole.connect() as connection:
        before = number(connection, "SELECT count(*) FROM transactions")
    processes = [whole.process(name) for name in ("supervisor", "aws", "cluster")]
    whole.run("down")
    assert not any(process.alive for process in processes)
    assert remains(whole.layout) == []
    whole.up()
    with whole.connect() as connection:
        assert number(connection, "SELECT count(*) FROM transactions") >= before


def test_purge_never_removes_a_folder_that_is_no_sandbox(tmp_path: Path) -> None:
    kept = tmp_path / "precious"
    kept.write_text("data")
    message = Whole(Layout.at(tmp_path), tmp_path).run("down", "--purge", code=1)
    assert "no sandbox" in message
    assert kept.read_text() == "data"
    assert {file.name for file in tmp_path.iterdir()} <= {"precious", ".lock"}
