"""Settings, renames, pending changes and groups, as RDS treats them."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from sandbox.machine.processes import wait_until
from tests.support.sandbox.rds_gateway import PASSWORD, WAIT, Sandbox


def refused(code: str, call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response.get("Error", {})
    assert error.get("Code") == code, error
    return error.get("Message", "")


@pytest.fixture(scope="module")
def full(sandbox: Sandbox) -> str:
    """An instance with every setting away from its default."""
    rds, ec2 = sandbox.aws.rds, sandbox.aws.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    groups = [ec2.create_security_group(GroupName=n, Description=n, VpcId=vpc)["GroupId"] for n in ("db", "more")]
    subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]][:3]
    key = sandbox.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    rds.create_db_subnet_group(DBSubnetGroupName="private", DBSubnetGroupDescription="d", SubnetIds=subnets)
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres17", Description="d")
    rds.modify_db_parameter_group(
        DBParameterGroupName="own",
        Parameters=[{"ParameterName": "log_statement", "ParameterValue": "ddl", "ApplyMethod": "pending-reboot"}],
    )
    sandbox.create(
        "full",
        DBInstanceClass="db.r6g.large",
        StorageType="gp3",
        MultiAZ=True,
        StorageEncrypted=True,
        KmsKeyId=key,
        DBSubnetGroupName="private",
        DBParameterGroupName="own",
        VpcSecurityGroupIds=groups,
        DeletionProtection=True,
        EnableCloudwatchLogsExports=["postgresql", "upgrade"],
        EnableIAMDatabaseAuthentication=True,
        EnablePerformanceInsights=True,
        PreferredBackupWindow="02:00-02:30",
        CopyTagsToSnapshot=True,
        Tags=[{"Key": "team", "Value": "ghosts"}],
    )
    sandbox.available("full")
    return "full"


def test_a_server_s_log_is_read_whole_from_its_beginning(sandbox: Sandbox, full: str) -> None:
    rds = sandbox.aws.rds
    (file,) = rds.describe_db_log_files(DBInstanceIdentifier=full)["DescribeDBLogFiles"]
    name, size = file.get("LogFileName", ""), file.get("Size", 0)
    text, marker, pending = "", "0", True
    while pending:
        portion = rds.download_db_log_file_portion(DBInstanceIdentifier=full, LogFileName=name, Marker=marker)
        text, marker, pending = text + portion["LogFileData"], portion["Marker"], portion["AdditionalDataPending"]
    assert len(text.encode()) >= size
    assert "database system is ready to accept connections" in text


def test_a_new_instance_has_what_was_asked_and_its_server_the_group_s_parameters(sandbox: Sandbox, full: str) -> None:
    found = sandbox.describe(full)
    assert found["MultiAZ"] is True
    assert found["Iops"] == 3000
    assert found["DBSubnetGroup"]["DBSubnetGroupName"] == "private"
    assert len(found["VpcSecurityGroups"]) == 2
    assert found["DBParameterGroups"] == [{"DBParameterGroupName": "own", "ParameterApplyStatus": "in-sync"}]
    assert found["EnabledCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    assert found["KmsKeyId"].startswith("arn:aws:kms:")
    assert sandbox.sql(full, "SHOW log_statement") == [("ddl",)]
    version = sandbox.sql(full, "SHOW server_version")[0][0].split(" ")[0]
    assert found["EngineVersion"] == version


def test_a_restore_that_passes_nothing_gets_rds_s_defaults_not_the_source_s_settings(
    sandbox: Sandbox, full: str
) -> None:
    rds = sandbox.aws.rds
    rds.create_db_snapshot(DBInstanceIdentifier=full, DBSnapshotIdentifier="plain")
    snapshot = sandbox.snapshot_ready("plain")
    assert snapshot["TagList"] == [{"Key": "team", "Value": "ghosts"}]
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="bare", DBSnapshotIdentifier="plain")
    bare = sandbox.available("bare")
    assert bare["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres17"
    assert bare["DBSubnetGroup"]["DBSubnetGroupName"] == "default"
    assert len(bare["VpcSecurityGroups"]) == 1
    assert bare["VpcSecurityGroups"] != sandbox.describe(full)["VpcSecurityGroups"]
    off = ("MultiAZ", "DeletionProtection", "IAMDatabaseAuthenticationEnabled", "PerformanceInsightsEnabled")
    assert not any(bare[key] for key in off)
    assert bare.get("EnabledCloudwatchLogsExports", []) == []
    assert bare["TagList"] == []
    # These are the snapshot's whatever is passed.
    for key in ("StorageEncrypted", "KmsKeyId", "EngineVersion", "MasterUsername", "AllocatedStorage", "StorageType"):
        assert bare[key] == sandbox.describe(full)[key]


def test_a_restore_that_passes_settings_gets_them(sandbox: Sandbox, full: str) -> None:
    source = sandbox.describe(full)
    sandbox.aws.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=full,
        TargetDBInstanceIdentifier="conformed",
        UseLatestRestorableTime=True,
        DBSubnetGroupName="private",
        DBParameterGroupName="own",
        VpcSecurityGroupIds=[g["VpcSecurityGroupId"] for g in source["VpcSecurityGroups"]],
        MultiAZ=True,
        DeletionProtection=True,
        EnableCloudwatchLogsExports=["postgresql"],
        EnableIAMDatabaseAuthentication=True,
        Tags=[{"Key": "restore", "Value": "inc-1"}],
    )
    made = sandbox.available("conformed")
    for key in ("VpcSecurityGroups", "DBParameterGroups", "MultiAZ", "DeletionProtection", "DBInstanceClass"):
        assert made[key] == source[key]
    assert made["TagList"] == [{"Key": "restore", "Value": "inc-1"}]
    refused(
        "InvalidParameterCombination",
        sandbox.aws.rds.delete_db_instance,
        DBInstanceIdentifier="conformed",
        SkipFinalSnapshot=True,
    )


def test_a_restore_with_less_storage_or_a_taken_name_is_refused(sandbox: Sandbox, full: str) -> None:
    restore = sandbox.aws.rds.restore_db_instance_to_point_in_time
    ids = {"SourceDBInstanceIdentifier": full, "UseLatestRestorableTime": True}
    refused("InvalidParameterValue", restore, **ids, TargetDBInstanceIdentifier="small", AllocatedStorage=10)
    refused("DBInstanceAlreadyExists", restore, **ids, TargetDBInstanceIdentifier="FULL")
    for bad in ("two--hyphens", "1digit", "end-", "x" * 64):
        refused("InvalidParameterValue", restore, **ids, TargetDBInstanceIdentifier=bad)


def test_a_swap_of_names_moves_the_address_with_the_identifier(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    for name in ("blue", "green"):
        sandbox.create(name, BackupRetentionPeriod=0)
    for name in ("blue", "green"):
        sandbox.available(name)
        sandbox.sql(name, f"CREATE TABLE was_{name} ()")
    blue = sandbox.describe("blue")
    green = sandbox.describe("green")["DbiResourceId"]
    rename = rds.modify_db_instance
    refused(
        "DBInstanceAlreadyExists",
        rename,
        DBInstanceIdentifier="green",
        NewDBInstanceIdentifier="blue",
        ApplyImmediately=True,
    )
    rename(DBInstanceIdentifier="blue", NewDBInstanceIdentifier="old", ApplyImmediately=True)
    wait_until(lambda: "old" in names(sandbox), WAIT, "the new name")
    sandbox.available("old")
    refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="blue")
    rename(DBInstanceIdentifier="green", NewDBInstanceIdentifier="blue", ApplyImmediately=True)
    wait_until(lambda: "blue" in names(sandbox), WAIT, "the production name")
    now = sandbox.available("blue")
    assert now["Endpoint"] == blue["Endpoint"]
    assert now["DbiResourceId"] == green
    assert sandbox.sql("blue", "SELECT to_regclass('was_green')") == [("was_green",)]
    assert sandbox.sql("old", "SELECT to_regclass('was_blue')") == [("was_blue",)]
    found = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [blue["DbiResourceId"]]}])
    assert [i.get("DBInstanceIdentifier") for i in found["DBInstances"]] == ["old"]


def test_a_new_name_answers_late_an_address_stays_and_replicas_follow(sandbox: Sandbox) -> None:
    for name in ("first", "reader"):
        sandbox.create(name, BackupRetentionPeriod=0)
    for name in ("first", "reader"):
        sandbox.available(name)
    sandbox.aws.post("description", instance="first", fields={"ReadReplicaDBInstanceIdentifiers": ["reader"]})
    source = {"ReadReplicaSourceDBInstanceIdentifier": "first"}
    sandbox.aws.post("description", instance="reader", fields=source)
    former = sandbox.describe("first")
    kept = sandbox.layout.address("rds-instance", "us-east-1", former["DbiResourceId"])
    sandbox.aws.faults.add("slow-dns", instance="second", seconds=600)
    sandbox.aws.rds.modify_db_instance(
        DBInstanceIdentifier="first", NewDBInstanceIdentifier="second", ApplyImmediately=True
    )
    wait_until(lambda: "second" in names(sandbox), WAIT, "the new name")
    assert sandbox.describe("reader")["ReadReplicaSourceDBInstanceIdentifier"] == "second"
    assert sandbox.sql("second", "SELECT 1", hostaddr=kept, sslmode="require") == [(1,)]
    for late in (former["Endpoint"]["Address"], sandbox.describe("second")["Endpoint"]["Address"]):
        with pytest.raises(psycopg.OperationalError, match="refused"):
            sandbox.sql("second", "SELECT 1", hostaddr=late)
    sandbox.aws.faults.clear()
    sandbox.available("second")
    wait_until(lambda: answers(sandbox, "second"), WAIT, "the name to answer")


def answers(sandbox: Sandbox, name: str) -> bool:
    try:
        return sandbox.sql(name, "SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        return False


def names(sandbox: Sandbox) -> set[str]:
    return {i.get("DBInstanceIdentifier", "") for i in sandbox.aws.rds.describe_db_instances()["DBInstances"]}


def test_a_change_that_waits_is_shown_as_pending_and_applied_by_anybody_s_apply_immediately(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    sandbox.create("pending", BackupRetentionPeriod=0)
    sandbox.available("pending")
    rds.modify_db_instance(DBInstanceIdentifier="pending", DBInstanceClass="db.r6g.large")
    found = sandbox.available("pending")
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.r6g.large"}
    assert found["DBInstanceClass"] == "db.t4g.medium"
    rds.modify_db_instance(DBInstanceIdentifier="pending", AllocatedStorage=30, ApplyImmediately=True)
    wait_until(lambda: sandbox.describe("pending")["PendingModifiedValues"] == {}, WAIT, "nothing pending")
    found = sandbox.available("pending")
    assert (found["DBInstanceClass"], found["AllocatedStorage"]) == ("db.r6g.large", 30)
    assert "storage-optimization" in sandbox.seen["pending"] or found["AllocatedStorage"] == 30
    refused("InvalidParameterCombination", rds.modify_db_instance, DBInstanceIdentifier="pending", AllocatedStorage=20)
    rds.modify_db_instance(DBInstanceIdentifier="pending", MultiAZ=True)
    sandbox.aws.post("maintenance-window", instance="pending")
    wait_until(lambda: sandbox.describe("pending")["MultiAZ"], WAIT, "the maintenance window")


def test_switching_backups_on_gives_a_window_and_off_takes_it(sandbox: Sandbox) -> None:
    rds = sandbox.aws.rds
    sandbox.create("unsaved", BackupRetentionPeriod=0)
    assert "LatestRestorableTime" not in sandbox.available("unsaved")
    restore = {
        "SourceDBInstanceIdentifier": "unsaved",
        "TargetDBInstanceIdentifier": "x",
        "UseLatestRestorableTime": True,
    }
    refused("PointInTimeRestoreNotEnabled", rds.restore_db_instance_to_point_in_time, **restore)
    rds.modify_db_instance(DBInstanceIdentifier="unsaved", BackupRetentionPeriod=3, ApplyImmediately=True)
    wait_until(lambda: "LatestRestorableTime" in sandbox.describe("unsaved"), WAIT, "a first backup")
    sandbox.available("unsaved")
    assert len(rds.describe_db_snapshots(DBInstanceIdentifier="unsaved")["DBSnapshots"]) == 1


def test_a_static_parameter_waits_for_a_reboot_and_a_dynamic_one_does_not(sandbox: Sandbox, full: str) -> None:
    rds = sandbox.aws.rds

    def change(name: str, value: str, method: Any) -> None:
        parameters: Any = [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}]
        rds.modify_db_parameter_group(DBParameterGroupName="own", Parameters=parameters)

    change("work_mem", "8192", "immediate")
    wait_until(lambda: sandbox.sql(full, "SHOW work_mem") == [("8MB",)], WAIT, "the dynamic parameter")
    change("max_connections", "77", "pending-reboot")
    assert sandbox.describe(full)["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot"
    assert sandbox.sql(full, "SHOW max_connections") != [("77",)]
    rds.reboot_db_instance(DBInstanceIdentifier=full)
    assert sandbox.available(full)["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    assert sandbox.sql(full, "SHOW max_connections") == [("77",)]
    with pytest.raises(ClientError, match="immediate apply method"):
        change("max_connections", "78", "immediate")
    with pytest.raises(ClientError, match="Could not find parameter"):
        change("no_such_thing", "1", "immediate")
    mine = rds.describe_db_parameters(DBParameterGroupName="own", Source="user")["Parameters"]
    assert {p.get("ParameterName") for p in mine} == {"log_statement", "work_mem", "max_connections"}
    refused("InvalidDBParameterGroupState", rds.delete_db_parameter_group, DBParameterGroupName="own")
    refused("InvalidDBSubnetGroupStateFault", rds.delete_db_subnet_group, DBSubnetGroupName="private")


def test_a_stopped_instance_refuses_connections_and_comes_back_with_its_data(sandbox: Sandbox) -> None:
    sandbox.create("paused", BackupRetentionPeriod=0)
    sandbox.available("paused")
    sandbox.aws.rds.stop_db_instance(DBInstanceIdentifier="paused")
    sandbox.available("paused", "stopped")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        sandbox.sql("paused", "SELECT 1")
    sandbox.aws.rds.start_db_instance(DBInstanceIdentifier="paused")
    sandbox.available("paused")
    assert sandbox.sql("paused", "SELECT 1") == [(1,)]


def test_the_master_user_is_no_superuser_and_needs_tls(sandbox: Sandbox, full: str) -> None:
    row = sandbox.sql(full, "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user")
    assert row == [(False, True, True)]
    assert sandbox.sql(full, "SELECT pg_has_role('rds_superuser', 'MEMBER'), pg_has_role('pg_monitor', 'MEMBER')") == [
        (True, True)
    ]
    assert sandbox.sql(full, "SELECT pg_has_role('pg_read_all_data', 'MEMBER')") == [(False,)]
    for extension in ("amcheck", "pg_stat_statements", "pgcrypto"):
        sandbox.sql(full, f"CREATE EXTENSION {extension}")
    sandbox.sql(full, "CREATE TABLE t (id int PRIMARY KEY)")
    sandbox.sql(full, "SELECT bt_index_check('t_pkey', true)")
    sandbox.sql(full, "CREATE ROLE app LOGIN PASSWORD 'x'")
    sandbox.sql(full, "GRANT rds_iam TO app")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        sandbox.sql(full, "SELECT 1", sslmode="disable", sslrootcert="")
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects"):
        sandbox.sql(full, "SELECT 1", user="rdsadmin")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        sandbox.sql(full, "SELECT 1", PASSWORD + "x")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        sandbox.sql(full, "COPY pg_class TO PROGRAM 'cat'")


def test_rds_keeps_the_master_password_itself_until_another_is_given(sandbox: Sandbox) -> None:
    rds, secrets = sandbox.aws.rds, sandbox.aws.secrets
    both: dict[str, Any] = {"MasterUserPassword": PASSWORD, "ManageMasterUserPassword": True}
    common: dict[str, Any] = {"Engine": "postgres", "DBInstanceClass": "db.t3.micro", "MasterUsername": "ghostadmin"}
    refused(
        "InvalidParameterCombination",
        rds.create_db_instance,
        DBInstanceIdentifier="kept",
        AllocatedStorage=20,
        **common,
        **both,
    )
    rds.create_db_instance(
        DBInstanceIdentifier="kept",
        AllocatedStorage=20,
        DBName="app",
        ManageMasterUserPassword=True,
        BackupRetentionPeriod=0,
        **common,
    )
    arn = sandbox.available("kept")["MasterUserSecret"]["SecretArn"]
    given = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    assert sandbox.sql("kept", "SELECT current_user", given["password"]) == [(given["username"],)]

    secrets.rotate_secret(SecretId=arn)
    sandbox.available("kept")
    rotated = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    assert sandbox.sql("kept", "SELECT current_user", rotated["password"]) == [(given["username"],)]
    with pytest.raises(psycopg.OperationalError):
        sandbox.connect("kept", given["password"])

    refused("InvalidParameterCombination", rds.modify_db_instance, DBInstanceIdentifier="kept",
            MasterUserPassword=PASSWORD)  # fmt: skip
    rds.modify_db_instance(
        DBInstanceIdentifier="kept", MasterUserPassword=PASSWORD, ManageMasterUserPassword=False, ApplyImmediately=True
    )
    sandbox.available("kept")
    assert sandbox.sql("kept", "SELECT 1") == [(1,)]
    with pytest.raises(psycopg.OperationalError):
        sandbox.connect("kept", rotated["password"])
    with pytest.raises(ClientError, match="ResourceNotFound"):
        secrets.get_secret_value(SecretId=arn)
