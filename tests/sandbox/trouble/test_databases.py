"""Each trouble of a database shows to boto3 and psycopg what AWS and PostgreSQL show, and is over afterwards."""

from __future__ import annotations

import json
import socket
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from sandbox.application import names
from sandbox.machine.processes import wait_until
from sandbox.trouble import catalogue
from tests.sandbox.trouble.conftest import played
from tests.support.sandbox.rds_gateway import PASSWORD, WAIT, Sandbox

PROD, GROUP = "prod", "two-zones"


@pytest.fixture(scope="module", autouse=True)
def source(gateway: Sandbox) -> None:
    gateway.aws.secrets.create_secret(Name=names.MASTER_SECRET, SecretString=PASSWORD)
    gateway.aws.rds.create_db_subnet_group(
        DBSubnetGroupName=GROUP, DBSubnetGroupDescription="two of six zones", SubnetIds=two_subnets(gateway)
    )
    gateway.create(
        PROD,
        StorageEncrypted=True,
        KmsKeyId=new_key(gateway),
        DBInstanceClass="db.r6g.large",
        DBSubnetGroupName=GROUP,
    )
    gateway.available(PROD)
    gateway.sql(PROD, "CREATE TABLE t AS SELECT 7 AS id")


def two_subnets(gateway: Sandbox) -> list[str]:
    ec2: Any = gateway.aws.client("ec2")
    zones = [{"Name": "availability-zone", "Values": ["us-east-1a", "us-east-1b"]}]
    return [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=zones)["Subnets"]]


def new_key(gateway: Sandbox) -> str:
    kms: Any = gateway.aws.client("kms")
    return kms.create_key()["KeyMetadata"]["Arn"]


def status(gateway: Sandbox) -> str:
    return gateway.describe(PROD)["DBInstanceStatus"]


def rows(gateway: Sandbox, **more: Any) -> Any:
    return gateway.sql(PROD, "SELECT id FROM t", **more)


DOWN = {
    "stopped": "stopped",
    "stopping": "stopping",
    "failed": "failed",
    "key-lost": "inaccessible-encryption-credentials-recoverable",
    "key-gone": "inaccessible-encryption-credentials",
}


@pytest.mark.parametrize("name", DOWN)
def test_an_instance_that_is_down_refuses_connections_until_it_is_started_again(gateway: Sandbox, name: str) -> None:
    with played(gateway.layout, name, PROD):
        assert status(gateway) == DOWN[name]
        with pytest.raises(psycopg.OperationalError, match="refused"):
            rows(gateway)
    assert rows(gateway) == [(7,)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["storage-initialization", "storage-config-upgrade"])
def test_an_instance_whose_storage_is_worked_on_serves(gateway: Sandbox, name: str) -> None:
    with played(gateway.layout, name, PROD):
        assert status(gateway) == name
        assert rows(gateway) == [(7,)]
    assert status(gateway) == "available"


@pytest.mark.slow
def test_a_full_volume_refuses_writes(gateway: Sandbox) -> None:
    with played(gateway.layout, "storage-full", PROD):
        assert status(gateway) == "storage-full"
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            gateway.sql(PROD, "INSERT INTO t VALUES (8)")
    gateway.sql(PROD, "INSERT INTO t VALUES (8)")
    gateway.sql(PROD, "DELETE FROM t WHERE id = 8")


def test_a_hung_server_takes_connections_and_never_answers(gateway: Sandbox) -> None:
    endpoint = gateway.describe(PROD)["Endpoint"]
    with gateway.connect(PROD) as session:
        with played(gateway.layout, "hung", PROD):
            assert status(gateway) == "available"
            socket.create_connection((endpoint["Address"], endpoint["Port"]), timeout=5).close()
            with pytest.raises(psycopg.OperationalError, match="timeout"):
                rows(gateway, connect_timeout=2)
        assert session.execute("SELECT id FROM t").fetchall() == [(7,)]


@pytest.mark.slow
def test_an_unreachable_server_lets_connecting_time_out(gateway: Sandbox) -> None:
    endpoint = gateway.describe(PROD)["Endpoint"]
    with played(gateway.layout, "unreachable", PROD):
        assert (status(gateway), gateway.describe(PROD)["Endpoint"]) == ("available", endpoint)
        with pytest.raises(TimeoutError):
            socket.create_connection((endpoint["Address"], endpoint["Port"]), timeout=0.5)
    assert rows(gateway) == [(7,)]


def secret(gateway: Sandbox) -> dict[str, str]:
    arn = gateway.describe(PROD)["MasterUserSecret"]["SecretArn"]
    return json.loads(gateway.aws.secrets.get_secret_value(SecretId=arn)["SecretString"])


@pytest.mark.slow
def test_a_managed_password_is_another_one_and_rotates_in_server_and_secret(gateway: Sandbox) -> None:
    with played(gateway.layout, "managed-password", PROD):
        known = gateway.describe(PROD)["MasterUserSecret"]
        assert ":secret:rds!db-" in known["SecretArn"]
        assert known["SecretStatus"] == "active"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            rows(gateway)
        first = secret(gateway)["password"]
        assert rows(gateway, password=first) == [(7,)]
        catalogue.play(gateway.layout, "rotated-password", PROD)
        second = secret(gateway)["password"]
        assert second != first
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            rows(gateway, password=first)
        assert rows(gateway, password=second) == [(7,)]
    assert "MasterUserSecret" not in gateway.describe(PROD)
    assert rows(gateway) == [(7,)]
    with pytest.raises(gateway.aws.secrets.exceptions.ResourceNotFoundException):
        gateway.aws.secrets.get_secret_value(SecretId=known["SecretArn"])


@pytest.mark.slow
def test_a_rotation_of_a_password_that_rds_does_not_manage_is_refused(gateway: Sandbox) -> None:
    with pytest.raises(ClientError, match="without ManageMasterUserPassword"):
        gateway.aws.rds.modify_db_instance(
            DBInstanceIdentifier=PROD, RotateMasterUserPassword=True, ApplyImmediately=True
        )


@pytest.mark.slow
def test_a_changed_password_is_refused_until_it_is_reset(gateway: Sandbox) -> None:
    refused = pytest.raises(psycopg.OperationalError, match="password authentication failed")
    with played(gateway.layout, "changed-password", PROD), refused:
        rows(gateway)
    assert rows(gateway) == [(7,)]


@pytest.mark.slow
def test_settings_that_no_restore_takes_along_are_described(gateway: Sandbox) -> None:
    def settings() -> list[Any]:
        shape = gateway.describe(PROD)
        roles = [role["FeatureName"] for role in shape["AssociatedRoles"]]
        return [roles, shape["DedicatedLogVolume"], shape["NetworkType"], shape["DatabaseInsightsMode"]]

    before = settings()
    with played(gateway.layout, "uncopied-settings", PROD):
        assert settings() == [["s3Export"], True, "DUAL", "advanced"]
    assert settings() == before


@pytest.mark.parametrize(
    ("name", "member"), [("cluster-member", "DBClusterIdentifier"), ("kerberos", "DomainMemberships")]
)
def test_what_only_the_description_tells_is_told_and_taken_back(gateway: Sandbox, name: str, member: str) -> None:
    before = gateway.describe(PROD).get(member)
    with played(gateway.layout, name, PROD):
        assert gateway.describe(PROD)[member] != before
    assert gateway.describe(PROD).get(member) == before


@pytest.mark.slow
def test_a_long_backup_leaves_a_restored_instance_usable_and_ends_with_the_trouble(gateway: Sandbox) -> None:
    now = gateway.sql(PROD, "SELECT clock_timestamp()")[0][0]
    gateway.restorable(PROD, now)  # earlier it may have another password
    with played(gateway.layout, "long-backup", PROD):
        gateway.aws.rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier=PROD, TargetDBInstanceIdentifier="slow", UseLatestRestorableTime=True
        )
        gateway.available("slow", "backing-up")
        assert gateway.sql("slow", "SELECT 1") == [(1,)]
    gateway.available("slow")
    gateway.aws.rds.delete_db_instance(DBInstanceIdentifier="slow", SkipFinalSnapshot=True)
    gateway.gone("slow")


def restore(gateway: Sandbox) -> None:
    gateway.aws.rds.restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=PROD,
        TargetDBInstanceIdentifier="copy",
        DBSubnetGroupName=GROUP,
        UseLatestRestorableTime=True,
    )


REFUSALS = {
    "instance-quota": "InstanceQuotaExceeded",
    "storage-quota": "StorageQuotaExceeded",
    "class-elsewhere": "InvalidVPCNetworkStateFault",
    "class-retired": "InvalidVPCNetworkStateFault",
    "no-capacity": "InsufficientDBInstanceCapacity",
    "subnets-full": "InvalidVPCNetworkStateFault",
    "key-disabled": "KMSKeyNotAccessibleFault",
    "key-without-grant": "KMSKeyNotAccessibleFault",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSALS)
def test_a_restore_that_the_account_can_not_have_is_refused_and_leaves_nothing(gateway: Sandbox, name: str) -> None:
    with played(gateway.layout, name, PROD):
        with pytest.raises(ClientError, match=rf"\({REFUSALS[name]}\)"):
            restore(gateway)
        assert "copy" not in str(gateway.aws.rds.describe_db_instances()["DBInstances"])
    with pytest.raises(ClientError, match="DBInstanceAlreadyExists"):  # of all refusals the only one left
        gateway.aws.rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier=PROD, TargetDBInstanceIdentifier=PROD, UseLatestRestorableTime=True
        )


@pytest.mark.slow
def test_limits_can_be_asked_before_they_are_met(gateway: Sandbox) -> None:
    def offers() -> list[Any]:
        options = gateway.aws.rds.describe_orderable_db_instance_options(
            Engine="postgres", EngineVersion=gateway.describe(PROD)["EngineVersion"], DBInstanceClass="db.r6g.large"
        )["OrderableDBInstanceOptions"]
        return [[zone.get("Name") for zone in option.get("AvailabilityZones", [])] for option in options]

    with played(gateway.layout, "class-elsewhere", PROD):
        assert all(zones == ["us-east-1f"] for zones in offers())
    assert offers()
    with played(gateway.layout, "class-retired", PROD):
        assert offers() == []
    with played(gateway.layout, "instance-quota", PROD):
        quotas: Any = gateway.aws.rds.describe_account_attributes()["AccountQuotas"]
        assert [q["Max"] - q["Used"] for q in quotas if q["AccountQuotaName"] == "DBInstances"] == [0]


@pytest.mark.slow
def test_full_subnets_say_so_and_a_disabled_key_too(gateway: Sandbox) -> None:
    ec2: Any = gateway.aws.client("ec2")
    kms: Any = gateway.aws.client("kms")
    with played(gateway.layout, "subnets-full", PROD):
        group: Any = gateway.aws.rds.describe_db_subnet_groups(DBSubnetGroupName=GROUP)["DBSubnetGroups"][0]
        members = [subnet["SubnetIdentifier"] for subnet in group["Subnets"]]
        free = [s["AvailableIpAddressCount"] for s in ec2.describe_subnets(SubnetIds=members)["Subnets"]]
        assert free == [0, 0]
    with played(gateway.layout, "key-disabled", PROD):
        assert kms.describe_key(KeyId=gateway.describe(PROD)["KmsKeyId"])["KeyMetadata"]["KeyState"] == "Disabled"


def test_a_snapshot_beyond_the_quota_is_refused(gateway: Sandbox) -> None:
    with played(gateway.layout, "snapshot-quota", PROD), pytest.raises(ClientError, match="SnapshotQuotaExceeded"):
        gateway.aws.rds.create_db_snapshot(DBInstanceIdentifier=PROD, DBSnapshotIdentifier="one-more")


def test_throttling_ends_with_the_trouble(gateway: Sandbox) -> None:
    with played(gateway.layout, "throttled", PROD), pytest.raises(ClientError, match="Throttling"):
        gateway.describe(PROD)
    assert status(gateway) == "available"


def test_a_trouble_is_played_once_at_a_time(gateway: Sandbox) -> None:
    with played(gateway.layout, "kerberos", PROD), pytest.raises(catalogue.TroubleError, match="kerberos --off"):
        catalogue.play(gateway.layout, "kerberos", PROD)
    with pytest.raises(catalogue.TroubleError, match="kerberos isn't on"):
        catalogue.end(gateway.layout, "kerberos")


@pytest.mark.slow
def test_a_read_replica_is_an_instance_of_its_own(gateway: Sandbox) -> None:
    with played(gateway.layout, "read-replica", PROD):
        assert gateway.describe(PROD)["ReadReplicaDBInstanceIdentifiers"] == [f"{PROD}-replica"]
        assert gateway.describe(f"{PROD}-replica")["ReadReplicaSourceDBInstanceIdentifier"] == PROD
        assert gateway.sql(f"{PROD}-replica", "SELECT id FROM t") == [(7,)]
    assert gateway.describe(PROD)["ReadReplicaDBInstanceIdentifiers"] == []


@pytest.mark.slow
def test_after_a_blue_green_switchover_the_name_is_another_instance(gateway: Sandbox) -> None:
    former = gateway.describe(PROD)["DbiResourceId"]
    with played(gateway.layout, "blue-green", PROD):
        assert gateway.describe(PROD)["DbiResourceId"] != former
        assert gateway.describe(f"{PROD}-old1")["DbiResourceId"] == former
        assert rows(gateway) == [(7,)]
    assert gateway.describe(PROD)["DbiResourceId"] == former


@pytest.mark.slow
def test_a_replaced_instance_has_the_name_and_the_rows_and_another_resource_id(gateway: Sandbox) -> None:
    former = gateway.describe(PROD)
    catalogue.play(gateway.layout, "replaced", PROD)
    found = gateway.describe(PROD)
    assert found["DbiResourceId"] != former["DbiResourceId"]
    assert found["Endpoint"]["Address"] == former["Endpoint"]["Address"]
    assert rows(gateway) == [(7,)]
    with pytest.raises(catalogue.TroubleError, match="can't be undone"):
        catalogue.end(gateway.layout, "replaced")


@pytest.mark.slow
def test_replicated_backups_outlive_their_source(gateway: Sandbox) -> None:
    described = gateway.describe(PROD)
    catalogue.play(gateway.layout, "replicated-backup", PROD)
    gateway.gone(PROD)
    far: Any = type(gateway.aws)(gateway.aws.endpoint, "us-west-2").rds
    backups = far.describe_db_instance_automated_backups(DbiResourceId=described["DbiResourceId"])
    assert backups["DBInstanceAutomatedBackups"][0]["RestoreWindow"]["LatestTime"]


@pytest.mark.slow
def test_a_part_that_dies_while_a_server_hangs_leaves_no_process_behind(gateway: Sandbox) -> None:
    gateway.create("last")
    gateway.available("last")
    catalogue.play(gateway.layout, "hung", "last")
    gateway.stop()
    from sandbox.postgres.server import processes_in

    datas = list(gateway.postgres_folder.glob("clusters/*/data"))
    wait_until(lambda: not any(processes_in(data) for data in datas), WAIT, "every server ended")
