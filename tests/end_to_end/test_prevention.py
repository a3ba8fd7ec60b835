"""A backup that breaks is told to people, and what watches over backups outlives a restore."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.application import names, nightly_dump
from sandbox.aws.alarms import ALARM, OK, evaluate_all
from sandbox.cluster.launcher import postgres_programs
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox

IMAGE = "registry.example/restore:1"
EVIDENCE = "ghost-protocol-sandbox-evidence"


@pytest.fixture
def watched(sandbox: Sandbox, project: Project) -> Iterator[Project]:
    """A stack with prevention, none of which is left behind."""
    nightly_dump.ensure_bucket(sandbox.aws)
    empty_bucket(sandbox)
    prevention = {"image": IMAGE, "dumpSchedule": "30 3 * * *", "everyMinutes": 1}
    project.edit(lambda config: config.update({"restore:prevention": prevention}))
    yield project
    project.pulumi("destroy", "--yes").ok()
    for kind in ("CronJob", "ConfigMap", "Job"):
        for item in sandbox.kube.list(kind, names.NAMESPACE, "app.kubernetes.io/managed-by=pulumi-restore"):
            sandbox.kube.delete(kind, names.NAMESPACE, item["metadata"]["name"])
    empty_bucket(sandbox)


def empty_bucket(sandbox: Sandbox) -> None:
    for key in list_dumps(sandbox):
        sandbox.aws.s3.delete_object(Bucket=names.BACKUP_BUCKET, Key=key)


def list_dumps(sandbox: Sandbox) -> list[str]:
    listed = sandbox.aws.s3.list_objects_v2(Bucket=names.BACKUP_BUCKET).get("Contents", [])
    return [str(item.get("Key")) for item in listed]


def run_now(sandbox: Sandbox, project: Project, purpose: str) -> None:
    """Runs a CronJob once, as `kubectl create job --from=cronjob/...` does, and awaits its success."""
    cron_job = sandbox.kube.get("CronJob", names.NAMESPACE, f"restore-{purpose}-{project.stack}")
    assert cron_job is not None
    template = cron_job["spec"]["jobTemplate"]
    name = f"{purpose}-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "namespace": names.NAMESPACE, "labels": template["metadata"]["labels"]}
    sandbox.kube.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})

    def ended() -> bool:
        status: Any = (sandbox.kube.get("Job", names.NAMESPACE, name) or {}).get("status", {})
        assert not status.get("failed"), [pod["status"] for pod in sandbox.kube.list("Pod", names.NAMESPACE)]
        return bool(status.get("succeeded"))

    wait_until(ended, 90, f"Job {name}", 0.2)


def subscribe(sandbox: Sandbox, project: Project) -> str:
    """Subscribes a queue to the stack's topic; returns its URL."""
    topic = project.pulumi("stack", "output", "backupAlarms").ok().stdout.strip()
    sqs = sandbox.aws.client("sqs")
    queue = sqs.create_queue(QueueName=f"on-call-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sandbox.aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return queue


def received(sandbox: Sandbox, queue: str) -> list[dict[str, Any]]:
    answer = sandbox.aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(json.loads(message["Body"])["Message"]) for message in answer.get("Messages", [])]


def evaluate(sandbox: Sandbox, project: Project, minutes: int = 1) -> dict[str, str]:
    """The states of the alarms, by metric, as of the minute that has what was just published."""
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    prefix = f"restore-{project.stack}-"
    states = evaluate_all(sandbox.aws, at)
    return {name.removeprefix(prefix): state for name, state in states.items() if name.startswith(prefix)}


def test_a_nightly_dump_that_is_lost_is_told_to_who_is_on_call(sandbox: Sandbox, watched: Project) -> None:
    watched.up().ok()
    queue = subscribe(sandbox, watched)
    run_now(sandbox, watched, "dump")
    (key,) = list_dumps(sandbox)
    tags = sandbox.aws.s3.get_object_tagging(Bucket=names.BACKUP_BUCKET, Key=key)["TagSet"]
    assert {"Key": "restore-scanned", "Value": "whole"} in tags
    run_now(sandbox, watched, "check")
    assert evaluate(sandbox, watched) == dict.fromkeys(("LatestRestorableTimeAge", "SnapshotAge", "DumpAge"), OK)
    assert {message["NewStateValue"] for message in received(sandbox, queue)} == {OK}

    earlier = key.replace(key.split("-")[-2], "20260101")
    source = {"Bucket": names.BACKUP_BUCKET, "Key": key}
    sandbox.aws.s3.copy_object(Bucket=names.BACKUP_BUCKET, Key=earlier, CopySource=source)  # pyright: ignore[reportArgumentType]
    sandbox.aws.s3.delete_object(Bucket=names.BACKUP_BUCKET, Key=key)
    late = watched.restore("check-backups", "--publish")
    assert "LATE  dump" in late.text
    assert evaluate(sandbox, watched)["DumpAge"] == ALARM
    (message,) = received(sandbox, queue)
    assert message["AlarmName"] == f"restore-{watched.stack}-DumpAge"
    assert message["NewStateValue"] == ALARM
    assert "python -m restore dump" in message["AlarmDescription"]


@pytest.mark.slow
def test_a_check_that_doesn_t_run_any_more_is_an_alarm(sandbox: Sandbox, watched: Project) -> None:
    watched.up().ok()
    run_now(sandbox, watched, "dump")
    watched.restore("check-backups", "--publish").ok()
    assert set(evaluate(sandbox, watched).values()) == {OK}
    assert set(evaluate(sandbox, watched, minutes=30).values()) == {ALARM}


@pytest.mark.slow
def test_a_restore_changes_nothing_of_the_prevention_and_close_leaves_it(sandbox: Sandbox, watched: Project) -> None:
    watched.up().ok()
    before = [name for name in watched.resources() if "revention" in name]
    watched.config(id="inc-1", method="pitr", time="latest", traffic="source")
    watched.up().ok()
    watched.restore("close", "--yes").ok()
    assert [name for name in watched.resources() if "revention" in name] == before
    assert "created" not in watched.up().changes


@pytest.mark.slow
def test_a_source_is_protected_when_asked_for_and_only_then(sandbox: Sandbox, watched: Project) -> None:
    told = watched.preview().ok()
    assert "automated backups are kept for" in told.text
    assert sandbox.instance()["BackupRetentionPeriod"] < 35
    before = {key: sandbox.instance()[key] for key in ("BackupRetentionPeriod", "DeletionProtection")}
    watched.pulumi("config", "set", "--path", "prevention.enforce", "true").ok()
    try:
        watched.up().ok()
        assert (sandbox.instance()["BackupRetentionPeriod"], sandbox.instance()["DeletionProtection"]) == (35, True)
    finally:
        sandbox.aws.rds.modify_db_instance(DBInstanceIdentifier=names.INSTANCE, ApplyImmediately=True, **before)
        wait_until(lambda: sandbox.status(names.INSTANCE) == "available", 60, "the source to be as before", 0.1)


READER, READERS_SECRET = "reader", "ghost-protocol/sandbox/db-password-reader"


@pytest.mark.slow
def test_a_dump_that_pg_dump_doesn_t_finish_is_no_object(sandbox: Sandbox, watched: Project) -> None:
    """It begins, and ends at the first table that the login may not read."""
    with sandbox.admin() as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reader-of-nothing'")
    sandbox.aws.secrets.create_secret(Name=READERS_SECRET, SecretString="reader-of-nothing")
    try:
        for key, value in (("login.user", READER), ("login.secretId", READERS_SECRET)):
            watched.pulumi("config", "set", "--plaintext", "--path", key, value).ok()
        watched.extra["PATH"] = f"{postgres_programs()}:{watched.variables['PATH']}"  # a machine's may be older
        watched.restore("dump").failed("pg_dump", "permission denied")
        assert list_dumps(sandbox) == []
        assert sandbox.aws.s3.list_multipart_uploads(Bucket=names.BACKUP_BUCKET).get("Uploads", []) == []
    finally:
        with sandbox.admin() as connection:
            connection.execute("DROP ROLE reader")
        sandbox.aws.secrets.delete_secret(SecretId=READERS_SECRET, ForceDeleteWithoutRecovery=True)


@pytest.mark.slow
def test_a_snapshot_before_a_migration_is_there_when_the_command_ends_and_expires(
    sandbox: Sandbox, watched: Project
) -> None:
    watched.restore("snapshot", "--reason", "Migration 42", "--days", "0").ok()
    (taken,) = [item for item in sandbox.snapshots() if "migration-42" in item["DBSnapshotIdentifier"]]
    assert taken["Status"] == "available"
    kept = watched.restore("expire", "--yes").ok()
    assert "the newest of its instance" in kept.text
    watched.restore("snapshot", "--reason", "Migration 43").ok()
    watched.restore("expire").failed("there is no terminal to ask on")
    watched.restore("expire", "--yes").ok()
    remaining = [item["DBSnapshotIdentifier"] for item in sandbox.snapshots()]
    assert taken["DBSnapshotIdentifier"] not in remaining
    assert any("migration-43" in name for name in remaining)


@pytest.mark.slow
def test_automated_backups_are_replicated_and_stay_when_the_prevention_goes(sandbox: Sandbox, watched: Project) -> None:
    from sandbox.application import second_region
    from sandbox.application.database import ensure_key
    from sandbox.aws.client import clients

    west = clients(sandbox.layout, second_region.REGION)
    watched.pulumi("config", "set", "--path", "prevention.replicateTo", second_region.REGION).ok()
    watched.pulumi("config", "set", "--path", "prevention.replicaKmsKeyId", ensure_key(west)).ok()
    watched.up().ok()

    def replicated() -> list[Any]:
        return west.rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]

    assert len(replicated()) == 1
    try:
        wait_until(lambda: "RestoreWindow" in replicated()[0], 60, "the first replicated backup", 0.2)
        told = " ".join(watched.restore("check-backups").text.split())
        assert "ok replicated backup" in told
        assert "nobody is subscribed" in watched.preview().ok().text
        watched.pulumi("config", "rm", "prevention").ok()
        watched.up().ok()
        assert len(replicated()) == 1
        assert sandbox.aws.cloudwatch.describe_alarms(AlarmNamePrefix=f"restore-{watched.stack}")["MetricAlarms"] == []
    finally:
        west.rds.stop_db_instance_automated_backups_replication(SourceDBInstanceArn=sandbox.instance()["DBInstanceArn"])
