"""The AWS plugin against the sandbox's RDS: every request is understood, every answer becomes state."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.aws.client import ACCESS_KEY
from sandbox.machine.layout import CHECKOUT
from sandbox.machine.processes import wait_until
from sandbox.standins.plugin.property_values import Properties, secret
from tests.support.standins.plugin_client import CallFailed, Plugin, urn

pytestmark = pytest.mark.xdist_group("rds")

INSTANCE, SNAPSHOT = "aws:rds/instance:Instance", "aws:rds/snapshot:Snapshot"
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="providers-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        ready = Path(folder) / "aws" / "ready.json"
        command = [sys.executable, "-m", "sandbox.aws", "--dir", folder, "--pace", "0"]
        log = (Path(folder) / "log").open("wb")
        with log, subprocess.Popen(command, cwd=CHECKOUT, stdout=log, stderr=log) as gateway:
            try:
                wait_until(ready.exists, 120, "the sandbox's RDS")
                yield str(json.loads(ready.read_text())["endpoint"])
            finally:
                gateway.send_signal(signal.SIGTERM)
                gateway.wait(timeout=60)


@pytest.fixture
def aws(start: Callable[..., Plugin], endpoint: str) -> Plugin:
    plugin = start("aws", **KEYS)
    plugin.configure(endpoints=json.dumps([{"rds": endpoint}]), region="us-east-1", maxRetries="2")
    return plugin


def made(aws: Plugin, name: str, **inputs: Any) -> tuple[str, Properties, Properties]:
    """The id, state and checked inputs of an instance `name`."""
    given = {"identifier": name, "instanceClass": "db.r6g.large", "skipFinalSnapshot": True, **inputs}
    checked, failures = aws.check(urn(INSTANCE, name), given)
    assert not failures
    return *aws.create(urn(INSTANCE, name), checked, timeout=120), checked


@pytest.fixture
def source(aws: Plugin) -> Iterator[tuple[str, Properties, Properties]]:
    fresh = {"engine": "postgres", "allocatedStorage": 20, "username": "ghostadmin", "dbName": "ghost"}
    name = f"shop-{os.urandom(3).hex()}"
    found = made(aws, name, **fresh, backupRetentionPeriod=7, password=secret("n0t-a-real-one"), tags={"a": "1"})
    yield found
    aws.delete(urn(INSTANCE, name), found[0], found[1])


def test_a_restore_leaves_nothing_to_change_but_what_the_provider_forgets(
    aws: Plugin, source: tuple[str, Properties, Properties]
) -> None:
    _, state, inputs = source
    assert aws.diff(urn(INSTANCE, "source"), source[0], state, inputs, inputs).detailed == {}
    name = str(state["identifier"])
    snapshot = {"dbInstanceIdentifier": name, "dbSnapshotIdentifier": f"{name}-safety", "tags": {"b": "2"}}
    where = urn(SNAPSHOT, "safety")
    identity, saved = aws.create(where, aws.check(where, snapshot)[0])
    assert (identity, saved["status"], saved["tagsAll"]) == (f"{name}-safety", "available", {"b": "2"})
    settings = {"multiAz": True, "backupRetentionPeriod": 5, "tags": {"incident": "1"}}
    first = made(aws, f"{name}-a", snapshotIdentifier=identity, password=secret("n0t-a-real-one"), **settings)
    block = {"sourceDbiResourceId": source[0], "useLatestRestorableTime": True}
    second = made(aws, f"{name}-b", restoreToPointInTime=block, **settings)
    assert aws.diff(urn(INSTANCE, "a"), first[0], first[1], first[2], first[2]).detailed == {}
    forgotten = aws.diff(urn(INSTANCE, "b"), second[0], second[1], second[2], second[2]).detailed
    assert forgotten == {"backupRetentionPeriod": "UPDATE"}
    for found in (first, second):
        assert found[1]["address"] != state["address"]
        assert (found[1]["multiAz"], found[1]["tags"]) == (True, {"incident": "1"})
        aws.delete(urn(INSTANCE, "x"), found[0], found[1])
    aws.delete(where, identity, saved)


def test_an_instance_keeps_its_id_under_another_name_and_is_found_by_both(
    aws: Plugin, source: tuple[str, Properties, Properties]
) -> None:
    identity, state, inputs = source
    where, old = urn(INSTANCE, "source"), str(state["identifier"])
    renamed = {**inputs, "identifier": f"{old}-old", "applyImmediately": True}
    moved = aws.update(where, identity, state, renamed)
    assert (moved["identifier"], moved["resourceId"]) == (f"{old}-old", identity)
    assert aws.read(where, identity)[1]["identifier"] == f"{old}-old"
    assert aws.read(where, f"{old}-old")[1]["resourceId"] == identity
    assert aws.read(where, old)[0] == ""
    back = aws.update(where, identity, moved, {**inputs, "applyImmediately": True})
    assert back["address"] == state["address"]


def test_a_taken_name_is_refused_in_the_providers_words(
    aws: Plugin, source: tuple[str, Properties, Properties]
) -> None:
    fresh = {"engine": "postgres", "allocatedStorage": 20, "username": "ghostadmin"}
    with pytest.raises(CallFailed) as caught:
        made(aws, str(source[1]["identifier"]), **fresh, password=secret("n0t-a-real-one"))
    text = str(caught.value)
    assert text.startswith(f"1 error occurred:\n\t* creating RDS DB Instance ({source[1]['identifier']}): ")
    assert "operation error RDS: CreateDBInstance, https response error StatusCode: 400, RequestID: " in text
    assert text.endswith(", DBInstanceAlreadyExists: DB instance already exists\n\n")
