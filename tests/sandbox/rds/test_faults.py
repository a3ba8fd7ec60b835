"""Each fault does what AWS does in that case, as often as asked, and no longer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.machine.processes import wait_until
from tests.support.sandbox.rds_gateway import WAIT, Sandbox


@pytest.fixture(scope="module", autouse=True)
def source(sandbox: Sandbox) -> str:
    sandbox.create("prod")
    sandbox.available("prod")
    sandbox.sql("prod", "CREATE TABLE t (id int)")
    made = sandbox.sql("prod", "SELECT clock_timestamp()")[0][0]
    sandbox.restorable("prod", made)  # restores to the latest second are to have the table
    return "prod"


def restore(sandbox: Sandbox, target: str) -> None:
    sandbox.aws.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier="prod", TargetDBInstanceIdentifier=target, UseLatestRestorableTime=True
    )


def test_throttling_happens_as_often_as_asked_and_a_retrying_client_survives_it(sandbox: Sandbox) -> None:
    sandbox.aws.faults.add("throttle", "DescribeDBInstances", times=2)
    for _ in range(2):
        with pytest.raises(ClientError, match=r"\(Throttling\).*Rate exceeded"):
            sandbox.aws.rds.describe_db_instances()
    assert sandbox.aws.rds.describe_db_instances()["DBInstances"]
    assert sandbox.aws.faults.waiting() == []


def test_a_failed_restore_ends_in_incompatible_restore_and_can_be_deleted(sandbox: Sandbox) -> None:
    sandbox.aws.faults.add("fail-restore", "RestoreDBInstanceToPointInTime")
    restore(sandbox, "broken")
    wait_until(lambda: sandbox.describe("broken")["DBInstanceStatus"] == "incompatible-restore", WAIT, "the failure")
    assert "Endpoint" not in sandbox.describe("broken")
    sandbox.aws.rds.delete_db_instance(DBInstanceIdentifier="broken", SkipFinalSnapshot=True)
    sandbox.gone("broken")
    restore(sandbox, "whole")
    sandbox.available("whole")


def test_a_long_backing_up_leaves_the_instance_usable_and_ends_when_faults_are_cleared(sandbox: Sandbox) -> None:
    sandbox.aws.faults.add("slow-backing-up", "RestoreDBInstanceToPointInTime", seconds=600)
    restore(sandbox, "slow")
    sandbox.available("slow", "backing-up")
    assert sandbox.sql("slow", "SELECT count(*) FROM t") == [(0,)]
    sandbox.aws.faults.clear()
    sandbox.available("slow")


def test_a_full_disk_refuses_writes_until_the_storage_grows(sandbox: Sandbox) -> None:
    sandbox.aws.faults.add("storage-full", instance="prod")
    assert sandbox.describe("prod")["DBInstanceStatus"] == "storage-full"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        sandbox.sql("prod", "INSERT INTO t VALUES (1)")
    sandbox.aws.rds.modify_db_instance(DBInstanceIdentifier="prod", AllocatedStorage=40, ApplyImmediately=True)
    sandbox.available("prod")
    sandbox.sql("prod", "INSERT INTO t VALUES (1)")


def test_an_instance_whose_key_is_lost_is_down_until_it_is_started_with_the_key_again(sandbox: Sandbox) -> None:
    sandbox.aws.faults.add("key-lost", instance="prod")
    assert sandbox.describe("prod")["DBInstanceStatus"] == "inaccessible-encryption-credentials-recoverable"
    with pytest.raises(psycopg.OperationalError, match="refused"):
        sandbox.sql("prod", "SELECT 1")
    try:
        with pytest.raises(ClientError, match="is not currently in the available state"):
            sandbox.aws.rds.create_db_snapshot(DBInstanceIdentifier="prod", DBSnapshotIdentifier="of-the-dead")
    finally:
        sandbox.aws.rds.start_db_instance(DBInstanceIdentifier="prod")
    sandbox.available("prod")
    assert sandbox.sql("prod", "SELECT 1") == [(1,)]


def test_dropped_connections_end_open_sessions_and_new_ones_work(sandbox: Sandbox) -> None:
    with sandbox.connect("prod") as session:
        sandbox.aws.faults.add("drop-connections", instance="prod")
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert sandbox.sql("prod", "SELECT 1") == [(1,)]


def test_a_lost_answer_leaves_the_effect_behind(sandbox: Sandbox) -> None:
    sandbox.aws.faults.add("lost-answer", "CreateDBSnapshot")
    with pytest.raises(ConnectionClosedError):
        sandbox.aws.rds.create_db_snapshot(DBInstanceIdentifier="prod", DBSnapshotIdentifier="unanswered")
    assert sandbox.snapshot_ready("unanswered")["Status"] == "available"


def test_an_error_of_choice_is_answered_once(sandbox: Sandbox) -> None:
    sandbox.aws.faults.add(
        "error", "CreateDBInstance", code="InsufficientDBInstanceCapacity", message="none left", after=0
    )
    with pytest.raises(ClientError, match=r"InsufficientDBInstanceCapacity.*none left"):
        sandbox.create("poor")
    assert "poor" not in str(sandbox.aws.rds.describe_db_instances())


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "no-such"},
        {"kind": "throttle"},
        {"kind": "fail-restore", "tims": 2},
        {"kind": "storage-full", "instance": "none"},
    ],
)
def test_a_fault_that_is_misspelt_is_refused(sandbox: Sandbox, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{sandbox.aws.endpoint}/_sandbox/faults", data=json.dumps(body).encode(), method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 400
    caught.value.close()
