"""Real rows through every way back: snapshot, point in time, retained backups."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rds.type_defs import FilterTypeDef

from sandbox.aws.client import clients
from sandbox.machine.processes import wait_until
from tests.support.sandbox.rds_gateway import PASSWORD, WAIT, Sandbox


def count(sandbox: Sandbox, name: str, password: str = PASSWORD) -> int:
    return sandbox.sql(name, "SELECT count(*) FROM orders", password)[0][0]


def server_now(sandbox: Sandbox, name: str) -> datetime:
    return sandbox.sql(name, "SELECT clock_timestamp()")[0][0]


def restore_to(sandbox: Sandbox, source: str, target: str, moment: datetime, **more: Any) -> None:
    sandbox.aws.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=source, TargetDBInstanceIdentifier=target, RestoreTime=moment, **more
    )


def refused(code: str, call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response.get("Error", {})
    assert error.get("Code") == code, error
    return error.get("Message", "")


@pytest.fixture(scope="module")
def source(sandbox: Sandbox) -> str:
    sandbox.create("prod")
    sandbox.available("prod")
    sandbox.sql("prod", "CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 5000) g")
    return "prod"


def test_a_point_in_time_restore_has_what_was_there_then_and_nothing_later(sandbox: Sandbox, source: str) -> None:
    before = server_now(sandbox, source)
    sandbox.sql(source, "DELETE FROM orders")
    after = server_now(sandbox, source)
    sandbox.sql(source, "INSERT INTO orders VALUES (1)")
    late = server_now(sandbox, source)
    sandbox.restorable(source, late)
    restore_to(sandbox, source, "to-before", before)
    restore_to(sandbox, source, "to-after", after)
    sandbox.aws.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=source, TargetDBInstanceIdentifier="to-latest", UseLatestRestorableTime=True
    )
    for name in ("to-before", "to-after", "to-latest"):
        sandbox.available(name)
    assert [count(sandbox, n) for n in ("to-before", "to-after", "to-latest")] == [5000, 0, 1]
    sandbox.sql(source, "INSERT INTO orders SELECT generate_series(2, 5000)")


def test_a_restore_under_concurrent_writers_cuts_between_commits_not_within(sandbox: Sandbox, source: str) -> None:
    sandbox.sql(source, "CREATE TABLE ticks (id serial, at timestamptz DEFAULT clock_timestamp())")
    stop = threading.Event()

    def write() -> None:
        with sandbox.connect(source) as session:
            while not stop.is_set():
                session.execute("INSERT INTO ticks DEFAULT VALUES")

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    time.sleep(0.5)
    moment = server_now(sandbox, source)
    time.sleep(0.3)
    stop.set()
    for writer in writers:
        writer.join()
    sandbox.restorable(source, moment)
    restore_to(sandbox, source, "cut", moment)
    sandbox.available("cut")
    rows, newest = sandbox.sql("cut", "SELECT count(*), max(at) FROM ticks")[0]
    with sandbox.connect(source) as session:
        known = session.execute("SELECT count(*) FROM ticks WHERE at <= %s", [moment]).fetchone()
    assert known is not None
    assert newest <= moment
    # `at` is taken before the commit: at most one open transaction of each writer is younger than it looks.
    assert known[0] - len(writers) <= rows <= known[0]


def test_a_restored_instance_can_itself_be_restored_to_a_point_in_time(sandbox: Sandbox, source: str) -> None:
    sandbox.available("to-before")
    sandbox.sql("to-before", "INSERT INTO orders SELECT generate_series(5001, 5010)")
    moment = server_now(sandbox, "to-before")
    sandbox.sql("to-before", "DROP TABLE orders")
    sandbox.restorable("to-before", moment)
    restore_to(sandbox, "to-before", "again", moment)
    sandbox.available("again")
    assert count(sandbox, "again") == 5010


def test_a_snapshot_keeps_rows_and_password_of_its_moment(sandbox: Sandbox, source: str) -> None:
    rds = sandbox.aws.rds
    rds.create_db_snapshot(DBInstanceIdentifier=source, DBSnapshotIdentifier="before-change")
    shape = sandbox.snapshot_ready("before-change")
    assert (shape["SnapshotType"], shape["DbiResourceId"]) == ("manual", sandbox.describe(source)["DbiResourceId"])
    sandbox.available(source)
    rds.modify_db_instance(DBInstanceIdentifier=source, MasterUserPassword="second-Passw0rd", ApplyImmediately=True)
    sandbox.available(source)
    assert count(sandbox, source, "second-Passw0rd") == 5000
    sandbox.sql(source, "DELETE FROM orders", "second-Passw0rd")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier="before-change", TargetDBSnapshotIdentifier="copied")
    rds.delete_db_snapshot(DBSnapshotIdentifier="before-change")
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="from-copy", DBSnapshotIdentifier="copied")
    sandbox.available("from-copy")
    assert count(sandbox, "from-copy") == 5000
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        sandbox.sql("from-copy", "SELECT 1", "second-Passw0rd")
    rds.modify_db_instance(DBInstanceIdentifier=source, MasterUserPassword=PASSWORD, ApplyImmediately=True)
    sandbox.available(source)
    sandbox.sql(source, "INSERT INTO orders SELECT generate_series(1, 5000)")


def test_every_time_outside_the_window_is_refused(sandbox: Sandbox, source: str) -> None:
    backups = sandbox.aws.rds.describe_db_instance_automated_backups(DBInstanceIdentifier=source)
    window = backups["DBInstanceAutomatedBackups"][0].get("RestoreWindow", {})
    earliest, latest = window.get("EarliestTime"), window.get("LatestTime")
    assert earliest is not None
    assert latest is not None
    assert earliest < latest
    call = sandbox.aws.rds.restore_db_instance_to_point_in_time
    ids = {"SourceDBInstanceIdentifier": source, "TargetDBInstanceIdentifier": "never"}
    for bad in (earliest - timedelta(milliseconds=1), datetime.now(UTC) + timedelta(hours=1)):
        assert "can't be restored" in refused("InvalidParameterValue", call, **ids, RestoreTime=bad)
    refused("InvalidParameterCombination", call, **ids)
    refused("InvalidParameterCombination", call, **ids, RestoreTime=latest, UseLatestRestorableTime=True)
    refused("DBInstanceNotFound", sandbox.aws.rds.describe_db_instances, DBInstanceIdentifier="never")


def test_the_first_moment_of_the_window_can_really_be_restored(sandbox: Sandbox, source: str) -> None:
    backups = sandbox.aws.rds.describe_db_instance_automated_backups(DBInstanceIdentifier=source)
    window = backups["DBInstanceAutomatedBackups"][0].get("RestoreWindow", {})
    restore_to(sandbox, source, "first-moment", window["EarliestTime"])  # pyright: ignore[reportTypedDictNotRequiredAccess]
    sandbox.available("first-moment")
    assert sandbox.sql("first-moment", "SELECT to_regclass('orders')")[0][0] is None


def test_a_restore_without_backups_ends_sooner_and_switching_them_on_interrupts_everybody(
    sandbox: Sandbox, source: str
) -> None:
    moment = server_now(sandbox, source)
    sandbox.restorable(source, moment)
    restore_to(sandbox, source, "bare", moment, BackupRetentionPeriod=0)
    assert "LatestRestorableTime" not in sandbox.available("bare")
    assert "backing-up" not in sandbox.seen["bare"]
    with sandbox.connect("bare") as session:
        sandbox.aws.rds.modify_db_instance(DBInstanceIdentifier="bare", BackupRetentionPeriod=7, ApplyImmediately=True)
        wait_until(lambda: "LatestRestorableTime" in sandbox.describe("bare"), WAIT, "the first backup")
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert sandbox.available("bare")["BackupRetentionPeriod"] == 7


def test_backups_kept_at_deletion_bring_the_rows_back_after_the_instance_is_gone(sandbox: Sandbox, source: str) -> None:
    rds = sandbox.aws.rds
    sandbox.create("doomed")
    sandbox.available("doomed")
    sandbox.sql("doomed", "CREATE TABLE orders AS SELECT generate_series(1, 77) AS id")
    resource = sandbox.describe("doomed")["DbiResourceId"]
    rds.delete_db_instance(DBInstanceIdentifier="doomed", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    sandbox.gone("doomed")
    kept = rds.describe_db_instance_automated_backups(DbiResourceId=resource)["DBInstanceAutomatedBackups"][0]
    assert kept.get("Status") == "retained"
    arn = kept.get("DBInstanceAutomatedBackupsArn", "")
    rds.restore_db_instance_to_point_in_time(
        SourceDbiResourceId=resource, TargetDBInstanceIdentifier="by-resource", UseLatestRestorableTime=True
    )
    rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceAutomatedBackupsArn=arn, TargetDBInstanceIdentifier="by-arn", UseLatestRestorableTime=True
    )
    sandbox.available("by-resource")
    sandbox.available("by-arn")
    assert [count(sandbox, n) for n in ("by-resource", "by-arn")] == [77, 77]
    automated = rds.describe_db_snapshots(DbiResourceId=resource, SnapshotType="automated")["DBSnapshots"]
    assert len(automated) == 1
    rds.delete_db_instance_automated_backup(DbiResourceId=resource)
    refused("DBInstanceAutomatedBackupNotFound", rds.describe_db_instance_automated_backups, DbiResourceId=resource)
    assert rds.describe_db_snapshots(DbiResourceId=resource)["DBSnapshots"] == []


def test_an_ordinary_deletion_takes_automated_backups_along_and_leaves_the_final_snapshot(
    sandbox: Sandbox,
) -> None:
    rds = sandbox.aws.rds
    sandbox.create("usual", BackupRetentionPeriod=1)
    sandbox.available("usual")
    sandbox.sql("usual", "CREATE TABLE orders AS SELECT generate_series(1, 9) AS id")
    resource = sandbox.describe("usual")["DbiResourceId"]
    refused("InvalidParameterCombination", rds.delete_db_instance, DBInstanceIdentifier="usual")
    rds.delete_db_instance(DBInstanceIdentifier="usual", FinalDBSnapshotIdentifier="last")
    sandbox.gone("usual")
    kinds = [s.get("SnapshotType") for s in rds.describe_db_snapshots(DbiResourceId=resource)["DBSnapshots"]]
    assert kinds == ["manual"]
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="from-last", DBSnapshotIdentifier="last")
    sandbox.available("from-last")
    assert count(sandbox, "from-last") == 9


def test_four_restores_at_once_all_arrive(sandbox: Sandbox, source: str) -> None:
    moment = server_now(sandbox, source)
    sandbox.restorable(source, moment)
    targets = [f"parallel-{n}" for n in range(4)]
    for name in targets:
        restore_to(sandbox, source, name, moment)
    for name in targets:
        sandbox.available(name)
    assert {count(sandbox, name) for name in targets} == {5000}
    resources = {i.get("DbiResourceId") for i in sandbox.aws.rds.describe_db_instances()["DBInstances"]}
    assert len(resources) == len(sandbox.aws.rds.describe_db_instances()["DBInstances"])


def test_an_automated_and_an_aws_backup_snapshot_restore_like_a_manual_one(sandbox: Sandbox, source: str) -> None:
    rds = sandbox.aws.rds
    sandbox.aws.post("backup-window", instance=source)
    sandbox.available(source)
    name = sandbox.aws.post("awsbackup", instance=source)["snapshot"]
    assert sandbox.snapshot_ready(name)["SnapshotType"] == "awsbackup"
    automated = rds.describe_db_snapshots(DBInstanceIdentifier=source, SnapshotType="automated")["DBSnapshots"]
    newest = max(automated, key=lambda s: s.get("SnapshotCreateTime", datetime.min.replace(tzinfo=UTC)))
    identifier = newest.get("DBSnapshotIdentifier", "")
    assert identifier.startswith(f"rds:{source}-")
    for target, snapshot in (("from-auto", newest.get("DBSnapshotArn", "")), ("from-awsbackup", name)):
        rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=target, DBSnapshotIdentifier=snapshot)
    for target in ("from-auto", "from-awsbackup"):
        sandbox.available(target)
        assert count(sandbox, target) == 5000
    refused("InvalidDBSnapshotState", rds.delete_db_snapshot, DBSnapshotIdentifier=identifier)


def test_a_large_object_of_many_segments_is_replayed_in_full(sandbox: Sandbox, source: str) -> None:
    rows = "SELECT g AS id, repeat(md5(g::text), 8) AS t FROM generate_series(1, 120000) g"
    sandbox.sql(source, f"CREATE TABLE big AS {rows}")
    digest = sandbox.sql(source, "SELECT md5(string_agg(t, '' ORDER BY id)) FROM big")
    moment = server_now(sandbox, source)
    sandbox.sql(source, "DROP TABLE big")
    sandbox.restorable(source, moment)
    restore_to(sandbox, source, "replayed", moment)
    sandbox.available("replayed")
    assert sandbox.sql("replayed", "SELECT md5(string_agg(t, '' ORDER BY id)) FROM big") == digest


def test_rows_come_back_in_another_region_after_the_source_is_gone(sandbox: Sandbox, source: str) -> None:
    near, far = sandbox.aws.rds, clients(sandbox.layout, region="eu-central-1").rds
    sandbox.create("exported")
    shape = sandbox.available("exported")
    sandbox.sql("exported", "CREATE TABLE orders AS SELECT generate_series(1, 31) AS id")
    far.start_db_instance_automated_backups_replication(SourceDBInstanceArn=shape["DBInstanceArn"])
    near.create_db_snapshot(DBInstanceIdentifier="exported", DBSnapshotIdentifier="to-export")
    arn = sandbox.snapshot_ready("to-export")["DBSnapshotArn"]
    sandbox.restorable("exported", server_now(sandbox, "exported"))
    near.delete_db_instance(DBInstanceIdentifier="exported", SkipFinalSnapshot=True)
    sandbox.gone("exported")
    far.copy_db_snapshot(
        SourceDBSnapshotIdentifier=arn, TargetDBSnapshotIdentifier="imported", SourceRegion="us-east-1"
    )
    far.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="far-snap", DBSnapshotIdentifier="imported")
    replicating: list[FilterTypeDef] = [{"Name": "status", "Values": ["replicating"]}]
    backup = far.describe_db_instance_automated_backups(Filters=replicating)["DBInstanceAutomatedBackups"][0]
    far.restore_db_instance_to_point_in_time(
        SourceDBInstanceAutomatedBackupsArn=backup.get("DBInstanceAutomatedBackupsArn", ""),
        TargetDBInstanceIdentifier="far-pitr",
        UseLatestRestorableTime=True,
    )
    for name in ("far-snap", "far-pitr"):

        def restored(name: str = name) -> Any:
            return far.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]

        wait_until(lambda found=restored: found()["DBInstanceStatus"] == "available", WAIT, name)
        assert restored()["DBInstanceArn"].split(":")[3] == "eu-central-1"
        host = restored()["Endpoint"]["Address"]
        assert sandbox.sql(source, "SELECT count(*) FROM orders", host=host) == [(31,)]
    assert (
        near.describe_db_instance_automated_backups(Filters=[{"Name": "db-instance-id", "Values": ["exported"]}])[
            "DBInstanceAutomatedBackups"
        ]
        == []
    )
