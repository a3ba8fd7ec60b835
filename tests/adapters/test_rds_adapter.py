"""RDS as the program reads and changes it: by what an instance is, not by what it is called."""

from __future__ import annotations

import threading

import pytest

from restore.aws import Aws, Rds, Secrets
from restore.errors import PermanentError, TemporaryError
from restore.model.labels import TAG_ID, TAG_STACK
from restore.model.rds import Instance, InstanceSettings
from restore.model.request import Login
from tests.support.sandbox.adapter_sandbox import PASSWORD, Gateway, soon


def waited(rds: Rds, resource_id: str, seconds: float = 60.0) -> Instance:
    return rds.wait_until(
        resource_id,
        lambda item: item.status == "available",
        stop=threading.Event(),
        deadline=soon(seconds),
        subject="it",
        longest=0.2,
    )


def test_absent_things_are_none_and_no_error(rds: Rds, source: Instance) -> None:
    assert rds.find_instance("nothing") is None
    assert rds.find_instance_by_resource_id("db-NOTHING") is None
    assert rds.find_snapshot("nothing") is None
    assert rds.find_snapshot("rds:nothing-2026-01-01-00-00") is None
    assert rds.list_automated_backups(identifier="nothing") == ()
    assert rds.list_snapshots(resource_id="db-NOTHING") == ()
    assert rds.find_instance(source.identifier) == rds.find_instance_by_resource_id(source.resource_id)


def test_a_renamed_instance_is_the_same_and_its_backups_are_found(gateway: Gateway, aws: Aws, rds: Rds) -> None:
    before = gateway.create("before")
    aws.open_client("rds").create_db_snapshot(DBSnapshotIdentifier="of-before", DBInstanceIdentifier="before")
    waited(rds, before.resource_id)
    aws.open_client("rds").modify_db_instance(
        DBInstanceIdentifier="before", NewDBInstanceIdentifier="after", ApplyImmediately=True
    )
    rds.wait_until(
        before.resource_id,
        lambda item: item.identifier == "after" and item.status == "available",
        stop=threading.Event(),
        deadline=soon(),
        subject="the rename",
        longest=0.2,
    )
    assert "of-before" in [item.identifier for item in rds.list_snapshots(resource_id=before.resource_id)]
    assert rds.modify(before.resource_id, InstanceSettings(backup_retention_period=9)) == {"BackupRetentionPeriod": 9}
    assert waited(rds, before.resource_id).identifier == "after"


def test_backups_outlive_their_instance_and_are_found_by_its_name(gateway: Gateway, aws: Aws, rds: Rds) -> None:
    gone = gateway.create("gone")
    aws.open_client("rds").delete_db_instance(
        DBInstanceIdentifier="gone", SkipFinalSnapshot=True, DeleteAutomatedBackups=False
    )
    with pytest.raises(PermanentError, match="no instance has this DbiResourceId"):
        rds.wait_until(
            gone.resource_id,
            lambda _: False,
            stop=threading.Event(),
            deadline=soon(),
            subject="the end",
            longest=0.2,
        )
    (backup,) = rds.list_automated_backups(identifier="gone")
    assert (backup.status, backup.source_resource_id) == ("retained", gone.resource_id)


def test_changes_queued_by_somebody_else_are_not_applied_along(gateway: Gateway, aws: Aws, rds: Rds) -> None:
    made = gateway.create("queued")
    aws.open_client("rds").modify_db_instance(
        DBInstanceIdentifier="queued", DBInstanceClass="db.t4g.large", ApplyImmediately=False
    )
    with pytest.raises(PermanentError, match="queued by somebody else: DBInstanceClass"):
        rds.modify(made.resource_id, InstanceSettings(backup_retention_period=9))
    found = rds.find_instance("queued")
    assert found
    assert found.settings.backup_retention_period == 7


def test_what_is_as_wanted_is_not_modified(rds: Rds, source: Instance) -> None:
    found = rds.find_instance(source.identifier)
    assert found
    assert rds.modify(source.resource_id, found.settings) == {}


def test_candidates_of_a_stack_are_found_by_their_tags(rds: Rds, source: Instance) -> None:
    rds.add_tags(source.arn, {TAG_STACK: "elsewhere", TAG_ID: "x"})
    tagged = [item.identifier for item in rds.list_instances() if item.tags.get(TAG_STACK) == "elsewhere"]
    assert tagged == [source.identifier]


def test_a_snapshot_is_found_by_its_name_and_by_its_arn(aws: Aws, rds: Rds, source: Instance) -> None:
    aws.open_client("rds").create_db_snapshot(DBSnapshotIdentifier="manual", DBInstanceIdentifier=source.identifier)
    found = rds.find_snapshot("manual")
    assert found
    assert (found.kind, found.source_resource_id) == ("manual", source.resource_id)
    assert rds.find_snapshot(found.arn) == rds.find_snapshot("manual")
    assert {item.kind for item in rds.list_snapshots(identifier=source.identifier)} == {"automated", "manual"}


def test_the_region_says_which_versions_it_still_creates(rds: Rds, source: Instance) -> None:
    assert source.engine_version in rds.list_orderable_versions()


def test_a_wait_ends_with_what_was_found(rds: Rds, source: Instance) -> None:
    waited(rds, source.resource_id)
    with pytest.raises(TemporaryError, match=f"{source.identifier} is available"):
        rds.wait_until(
            source.resource_id, lambda _: False, stop=threading.Event(), deadline=soon(0), subject="the impossible"
        )


def test_throttling_is_outlasted(gateway: Gateway, rds: Rds, source: Instance) -> None:
    gateway.faults.add("throttle", operation="DescribeDBInstances", times=2)
    assert rds.find_instance(source.identifier)


def test_throttling_without_end_may_pass_later(gateway: Gateway, rds: Rds, source: Instance) -> None:
    gateway.faults.add("throttle", operation="DescribeDBInstances", times=50)
    with pytest.raises(TemporaryError, match="Rate exceeded"):
        rds.find_instance(source.identifier)
    gateway.faults.clear()
    assert rds.find_instance(source.identifier)


def test_a_restore_that_failed_is_not_waited_for(gateway: Gateway, aws: Aws, rds: Rds, source: Instance) -> None:
    gateway.faults.add("fail-restore")
    made = aws.open_client("rds").restore_db_instance_to_point_in_time(
        SourceDBInstanceIdentifier=source.identifier,
        TargetDBInstanceIdentifier="failing",
        UseLatestRestorableTime=True,
    )
    with pytest.raises(PermanentError, match="incompatible-restore"):
        waited(rds, made["DBInstance"]["DbiResourceId"])


def test_the_operator_logs_in_by_a_stored_secret_or_a_token(aws: Aws, source: Instance) -> None:
    assert source.endpoint
    aws.open_client("secretsmanager").create_secret(Name="ghost/prod/db-password", SecretString=PASSWORD)
    secrets = Secrets(aws)
    stored = secrets.read_login(Login("ghostadmin", "ghost/prod/db-password"), source.endpoint)
    assert (stored.user, stored.password) == ("ghostadmin", PASSWORD)
    token = secrets.read_login(Login("operator", None, iam=True), source.endpoint)
    assert token.password.startswith(f"{source.endpoint}/?Action=connect&DBUser=operator")
    with pytest.raises(PermanentError, match="secret nothing"):
        secrets.read_login(Login("ghostadmin", "nothing"), source.endpoint)
