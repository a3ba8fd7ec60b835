"""A state in S3 is the same state: as the CLI lays it out, locked for others, and only in a sandbox's bucket."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.support.standins.engine_project import Workspace

BUCKET = "pulumi-state"


@pytest.fixture(scope="module")
def endpoint() -> Generator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint: str) -> Any:
    client: Any = boto3.client(  # pyright: ignore[reportUnknownMemberType]
        "s3", "us-east-1", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket=BUCKET)
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    return client


@pytest.fixture
def workspace(tmp_path: Path, endpoint: str, s3: Any) -> Workspace:
    assert s3
    made = Workspace(tmp_path)
    made.env |= {
        "PULUMI_BACKEND_URL": f"s3://{BUCKET}/team/restores?region=us-east-1&endpoint={endpoint}&s3ForcePathStyle=true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": endpoint,
    }
    made.ok("stack", "init", "organization/sample/dev")
    return made


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_the_state_lies_where_the_cli_looks_for_it(workspace: Workspace, s3: Any) -> None:
    workspace.up()
    assert {"sample-dev", "first", "second"} <= set(workspace.resources())
    names = [key.removeprefix("team/restores/.pulumi/") for key in keys(s3)]
    assert {"meta.yaml", "stacks/sample/dev.json", "stacks/sample/dev.json.bak"} <= set(names)
    assert {name.rpartition("/")[0] for name in names if name.startswith(("history", "backups"))} == {
        "history/sample/dev",
        "backups/sample/dev",
    }
    assert not [name for name in names if name.startswith("locks")]
    assert [update["result"] for update in json.loads(workspace.ok("stack", "history", "--json"))] == ["succeeded"]
    assert [stack["name"] for stack in json.loads(workspace.ok("stack", "ls", "--json"))] == ["dev"]


def test_a_lock_in_the_bucket_says_who_holds_it_and_is_broken_by_cancel(workspace: Workspace, s3: Any) -> None:
    lock = "team/restores/.pulumi/locks/organization/sample/dev/1.json"
    held = {"pid": 7, "username": "ada", "hostname": "laptop-2", "timestamp": "2026-11-22T14:30:00Z"}
    s3.put_object(Bucket=BUCKET, Key=lock, Body=json.dumps(held).encode())
    refused = workspace.run("up", "--yes", "--skip-preview")
    assert refused.code != 0
    assert "locked by 1 lock(s)" in refused.err
    assert f"s3://{BUCKET}/{lock}?region=us-east-1" in refused.err
    assert "created by ada@laptop-2 (pid 7) at 2026-11-22T14:30:00Z" in refused.err
    workspace.ok("cancel", "--yes")
    workspace.up()


def test_an_organisation_is_called_organization_outside_of_pulumi_cloud(workspace: Workspace) -> None:
    assert "Current stack resources" in workspace.ok("stack", "--stack", "organization/sample/dev")
    assert "organization name must be 'organization'" in workspace.run("preview", "--stack", "acme/dev").err


def test_a_bucket_of_aws_itself_is_refused(workspace: Workspace) -> None:
    url = f"s3://{BUCKET}"
    result = workspace.run("preview", PULUMI_BACKEND_URL=url, AWS_ENDPOINT_URL="")
    assert result.code != 0
    assert "serves a sandbox only" in result.err


def test_a_bucket_that_is_not_there_is_named(workspace: Workspace) -> None:
    url = workspace.env["PULUMI_BACKEND_URL"].replace(BUCKET, "elsewhere")
    result = workspace.run("preview", "--stack", "dev", PULUMI_BACKEND_URL=url)
    assert result.code != 0
    assert "s3://elsewhere/team/restores" in result.err
