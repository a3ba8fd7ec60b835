"""A kill of any part leaves something that the next start mends; nothing outlives the gateway."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psycopg
import pytest

from sandbox.machine.processes import wait_until
from sandbox.postgres.server import processes_in
from tests.support.sandbox.rds_gateway import PASSWORD, WAIT, Maker, Sandbox


def servers(folder: Path) -> list[int]:
    return [pid for data in folder.glob("clusters/*/data") for pid in processes_in(data)]


@pytest.fixture(scope="module")
def killed(make_sandbox: Maker) -> Sandbox:
    sandbox = make_sandbox()
    sandbox.create("prod", DBInstanceClass="db.r6g.large")
    sandbox.available("prod")
    sandbox.sql("prod", "CREATE TABLE kept (id int)")
    return sandbox


def add_row(sandbox: Sandbox) -> int:
    with sandbox.connect("prod") as session:
        session.execute("INSERT INTO kept VALUES (1)")
        found = session.execute("SELECT count(*) FROM kept").fetchone()
    assert found is not None
    return found[0]


def test_no_postgres_outlives_a_killed_gateway_and_no_committed_row_is_lost(killed: Sandbox) -> None:
    folder = killed.postgres_folder
    rows = [add_row(killed) for _ in range(20)][-1]
    before = killed.describe("prod")
    killed.stop(signal.SIGKILL)
    wait_until(lambda: not servers(folder), 20, "end of all servers")
    killed.start()
    after = killed.available("prod")
    assert add_row(killed) == rows + 1
    for key in ("DbiResourceId", "Endpoint", "DBInstanceArn", "InstanceCreateTime", "DBSubnetGroup"):
        assert before[key] == after[key]
    killed.restorable("prod", before["LatestRestorableTime"])


def test_a_killed_postgres_is_started_again_while_the_gateway_runs(killed: Sandbox) -> None:
    rows = add_row(killed)
    pid_file = next(killed.postgres_folder.glob("clusters/db-*/data/postmaster.pid"))
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)

    def answers() -> bool:
        try:
            return add_row(killed) > rows
        except psycopg.OperationalError:
            return False

    wait_until(answers, WAIT, "the server after a kill")
    killed.available("prod")
    messages = [e.get("Message") for e in killed.aws.rds.describe_events()["Events"]]
    assert "Recovery of the DB instance is complete." in messages


def test_an_ordinary_stop_keeps_everything_and_leaves_nothing_running(killed: Sandbox) -> None:
    rows, folder = add_row(killed), killed.postgres_folder
    killed.stop()
    assert killed.process is not None
    assert killed.process.returncode == 0
    assert servers(folder) == []
    assert not (killed.layout.aws / "ready.json").exists()
    killed.start()
    assert add_row(killed) == rows + 1


def test_a_creation_and_a_restore_that_a_kill_cut_off_end_available_after_the_next_start(make_sandbox: Maker) -> None:
    sandbox = make_sandbox(pace=4.0)
    sandbox.create("early")
    wait_until(lambda: sandbox.describe("early")["DBInstanceStatus"] == "creating", WAIT, "creating")
    sandbox.stop(signal.SIGKILL)
    sandbox.pace = 0.0
    sandbox.start()
    sandbox.available("early")
    sandbox.sql("early", "CREATE TABLE t AS SELECT 7 AS seven")
    sandbox.restorable("early", sandbox.sql("early", "SELECT clock_timestamp()")[0][0])
    sandbox.stop()
    sandbox.pace = 4.0
    sandbox.start()
    sandbox.aws.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="early", TargetDBInstanceIdentifier="late", UseLatestRestorableTime=True
    )
    sandbox.aws.rds.delete_db_instance(DBInstanceIdentifier="early", SkipFinalSnapshot=True)
    sandbox.stop(signal.SIGKILL)
    sandbox.pace = 0.0
    sandbox.start()
    sandbox.available("late")
    sandbox.gone("early")
    assert sandbox.sql("late", "SELECT seven FROM t") == [(7,)]


def test_the_state_file_shows_no_password_once_the_instance_exists(killed: Sandbox) -> None:
    path = killed.layout.aws / "state.json"
    assert PASSWORD not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    json.loads(path.read_text())


def test_a_second_gateway_on_the_same_folder_is_refused(killed: Sandbox) -> None:
    other = Sandbox(killed.layout)
    with pytest.raises(AssertionError, match="another gateway serves"):
        other.start()
    killed.available("prod")


def test_two_sandboxes_side_by_side_never_meet(make_sandbox: Maker, killed: Sandbox) -> None:
    other = make_sandbox()
    assert other.aws.rds.describe_db_instances()["DBInstances"] == []
    other.create("prod")
    other.available("prod")
    addresses = {s.describe("prod")["Endpoint"]["Address"] for s in (killed, other)}
    assert len(addresses) == 2
    assert killed.layout.aws_endpoint != other.layout.aws_endpoint
