"""A load that the instance has no room for is refused before it fills the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from restore.aws.client import Aws
from restore.aws.metrics import Measured, read_free_storage
from restore.dumps.load.free_storage import measure
from restore.dumps.model import GIB
from restore.errors import PermanentError
from sandbox.application.names import BACKUP_BUCKET, BACKUP_PREFIX
from sandbox.aws.client import DEFAULT_REGION
from sandbox.machine.layout import CHECKOUT
from sandbox.postgres.host import Host
from sandbox.runtime.environment import variables
from tests.support.sandbox.rds_gateway import PASSWORD, Sandbox

KEY = f"{BACKUP_PREFIX}app.sql"
GIVEN = {"allocatedGib": 20, "instance": "db"}


@pytest.fixture(scope="module")
def dumped(sandbox: Sandbox) -> Sandbox:
    """An instance with an empty database, and a dump of its other one in S3."""
    sandbox.create("db")
    where = sandbox.available("db")["Endpoint"]
    sandbox.sql("db", "CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 100000) i")
    sandbox.sql("db", "CREATE DATABASE empty")
    pg_dump = Host.at(sandbox.layout).binaries.tool("pg_dump")
    login = {"PGHOST": where["Address"], "PGPORT": str(where["Port"]), "PGUSER": "ghostadmin", "PGPASSWORD": PASSWORD}
    dump = subprocess.run([pg_dump, "app"], env=os.environ | login, capture_output=True, check=True).stdout
    sandbox.aws.s3.create_bucket(Bucket=BACKUP_BUCKET)
    sandbox.aws.s3.put_object(Bucket=BACKUP_BUCKET, Key=KEY, Body=dump)
    return sandbox


@pytest.fixture
def aws(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name, value in environment(sandbox).items():
        monkeypatch.setenv(name, value)
    return Aws(DEFAULT_REGION)


def environment(sandbox: Sandbox) -> dict[str, str]:
    return variables(sandbox.layout, os.environ["PATH"])


def load(sandbox: Sandbox, *words: str) -> subprocess.CompletedProcess[str]:
    host = sandbox.layout.address("rds", DEFAULT_REGION, "db")
    url = f"postgresql://ghostadmin:{PASSWORD}@{host}/empty?sslrootcert={sandbox.layout.ca}"
    argv = [sys.executable, "-m", "restore.dumps", "load", f"s3://{BACKUP_BUCKET}/{KEY}"]
    argv += ["--to-env", "TARGET_URL", "--json"]
    argv += ["--allow", "privileged_owner"]  # the tables of this dump are the master user's own
    env = os.environ | environment(sandbox) | {"TARGET_URL": url}
    return subprocess.run([*argv, *words], cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=120)


def measured(aws: Aws) -> Measured:
    found = read_free_storage(aws, "db", datetime.now(UTC))
    assert found is not None
    return found


def test_cloudwatch_knows_the_storage_of_instances_alone(dumped: Sandbox, aws: Aws) -> None:
    found = measured(aws)
    assert timedelta(0) < datetime.now(UTC) - found.at < timedelta(minutes=3)
    used = 20 * GIB - found.value
    [(databases,)] = dumped.sql("db", "SELECT sum(pg_database_size(oid))::bigint FROM pg_database")
    assert databases < used < databases + GIB
    assert read_free_storage(aws, "no-such-instance", datetime.now(UTC)) is None
    assert read_free_storage(aws, "db", datetime.now(UTC) - timedelta(hours=1)) is None


def test_a_load_into_a_full_instance_is_refused_before_anything_is_there(dumped: Sandbox) -> None:
    dumped.aws.faults.add("storage-full", instance="db")
    refused = load(dumped, "--instance", "db")
    assert refused.returncode == 1
    assert "0 B free of 20 GiB on db" in refused.stderr
    assert "--allocated-storage 22 --apply-immediately" in refused.stderr
    dumped.aws.faults.clear()
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, to_regnamespace('_restore'))"
    assert dumped.sql("db", tables, dbname="empty") == [(0,)]


def test_an_instance_of_the_same_name_elsewhere_is_not_asked(dumped: Sandbox, aws: Aws) -> None:
    asked: list[str] = []

    def connect(region: str) -> Aws:
        asked.append(region)
        return aws

    host = "db.c1x2y3z4.us-east-1.rds.amazonaws.com"
    with pytest.raises(PermanentError, match=f"no instance with the endpoint {host}"):
        measure(host, None, "eu-central-1", connect)
    assert asked == ["us-east-1"]
    assert measure(host, "db", "us-east-1", connect).allocated == 20


def test_a_name_that_no_instance_has_ends_the_load(dumped: Sandbox) -> None:
    refused = load(dumped, "--instance", "bd")
    assert refused.returncode == 1
    assert "no instance bd in us-east-1" in refused.stderr


def test_an_operator_without_the_right_is_told_which_one(dumped: Sandbox) -> None:
    dumped.aws.faults.add("error", "DescribeDBInstances", code="AccessDenied", message="not allowed")
    refused = load(dumped, "--instance", "db")
    assert refused.returncode == 1
    assert "the IAM action rds:DescribeDBInstances" in refused.stderr


def test_a_load_says_what_storage_there_is_or_that_it_does_not_know(dumped: Sandbox) -> None:
    first = load(dumped, "--instance", "db")
    assert first.returncode == 0, first.stderr
    said = json.loads(first.stderr.splitlines()[0])["storage"]
    assert {name: said[name] for name in GIVEN} == GIVEN
    assert json.loads(first.stdout)["rows"] == 100_000
    second = load(dumped)
    assert second.returncode == 0, second.stderr
    said = json.loads(second.stderr.splitlines()[0])
    assert said["storage"] is None
    assert "is no RDS endpoint" in said["why"]
    third = load(dumped, "--no-storage-check")
    assert third.returncode == 0, third.stderr
    assert "storage" not in third.stderr
