"""The state may be in a bucket, in an organisation, and lost: the restore goes on with what AWS and evidence know."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from restore.evidence.current_run import NAME
from sandbox.application import names
from sandbox.demo import vendors
from sandbox.runtime import environment
from tests.support.sandbox.harness import Project, Sandbox

BUCKET = "ghost-protocol-sandbox-pulumi-state"
CANDIDATE = f"{names.INSTANCE}-inc-1"


@pytest.fixture
def in_s3(sandbox: Sandbox, new_project: Callable[[], Project]) -> Project:
    """A project whose state is in the bucket of docs/state.md, with the operator's rights to it."""
    sandbox.aws.s3.create_bucket(Bucket=BUCKET)
    empty(sandbox)
    project = new_project()
    query = f"region=us-east-1&awssdk=v2&s3ForcePathStyle=true&endpoint={sandbox.aws.endpoint}"
    project.extra["PULUMI_BACKEND_URL"] = f"s3://{BUCKET}?{query}"
    project.pulumi("stack", "init", f"organization/restore/{project.stack}").ok()
    return project


def keys(sandbox: Sandbox) -> list[str]:
    return [item.get("Key", "") for item in sandbox.aws.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def empty(sandbox: Sandbox) -> None:
    for key in keys(sandbox):
        sandbox.aws.s3.delete_object(Bucket=BUCKET, Key=key)


def attempts(project: Project, gate: str) -> list[Any]:
    folder = project.folder / "evidence" / project.stack / "inc-1"
    return [json.loads(file.read_text()) for file in sorted(folder.glob(f"*-{gate}.json"))]


def note_run(project: Project, silence: timedelta) -> None:
    """Notes a run of somebody else, which gave its last sign of life so long ago."""
    now = datetime.now(UTC)
    note = {
        "schema": 1,
        "stack": project.stack,
        "id": "inc-1",
        "run": "another",
        "operator": {"user": "ada", "host": "laptop-2", "aws": "arn:aws:iam::123456789012:user/ada"},
        "pid": 7,
        "traffic": "frozen",
        "began": (now - timedelta(minutes=30)).isoformat(),
        "beat": (now - silence).isoformat(),
    }
    folder = project.folder / "evidence" / project.stack
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text(json.dumps(note))
    written = (now - silence).timestamp()  # what counts is the store's own time, not what the note says
    os.utime(folder / NAME, (written, written))


@pytest.mark.slow
def test_a_state_that_was_lost_is_adopted_and_nothing_in_aws_is_changed_or_made_twice(
    sandbox: Sandbox, in_s3: Project
) -> None:
    in_s3.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    in_s3.up().ok()
    made = sandbox.instances()[CANDIDATE]
    assert f".pulumi/stacks/restore/{in_s3.stack}.json" in keys(sandbox)
    empty(sandbox)
    in_s3.pulumi("stack", "init", in_s3.stack).ok()
    for key in ("id", "method", "time", "traffic"):
        in_s3.pulumi("config", "rm", key).ok()

    adopted = in_s3.run("python", "-m", "restore", "adopt", "--yes").ok().text
    assert "restore:id = inc-1" in adopted
    assert "restore:traffic = frozen" in adopted
    assert "Receipt of validated" in adopted
    assert sandbox.instances()[CANDIDATE] == made

    planned = json.loads(in_s3.pulumi("preview", "--json").ok().stdout)["steps"]
    steps = {step["urn"].rpartition("::")[2]: step["op"] for step in planned}
    assert {steps[f"{name}-inc-1"] for name in ("candidate", "safety", "conformed", "validated")} == {"same"}
    in_s3.up().ok()
    assert len(attempts(in_s3, "validated")) == 1
    in_s3.run("python", "-m", "restore", "adopt", "--yes").failed("a state that was lost", "pulumi up")
    in_s3.config(traffic="restored")
    in_s3.up().ok()
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert sandbox.instances()[CANDIDATE] == made


def read_file(project: Project) -> dict[str, Any]:
    """The stack's settings file."""
    return yaml.safe_load((project.folder / f"Pulumi.{project.stack}.yaml").read_text())


def import_environment(project: Project, sandbox: Sandbox, values: dict[str, Any]) -> None:
    """Keeps an environment with these values, its secrets as such, where the stack's backend has it."""
    text = yaml.safe_dump({"values": {"pulumiConfig": values}})
    sandbox.aws.s3.put_object(Bucket=BUCKET, Key=".pulumi/environments/team.yaml", Body=text.encode())
    settings = read_file(project)
    own = {key: value for key, value in settings["config"].items() if key.removeprefix("restore:") not in values}
    file = project.folder / f"Pulumi.{project.stack}.yaml"
    file.write_text(yaml.safe_dump({**settings, "environment": ["team"], "config": own}))


@pytest.mark.slow
def test_a_way_back_neither_loses_nor_hardens_what_an_environment_says(sandbox: Sandbox, in_s3: Project) -> None:
    """With the state in a bucket, and the stack's name as an organisation has it."""
    with vendors.serving() as people:
        own = {key.removeprefix("restore:"): value for key, value in read_file(in_s3)["config"].items()}
        site = {key: value for key, value in own.items() if ":" not in key}
        token = {"fn::secret": vendors.TOKEN}
        notify = {"slackChannel": "C0123456789", "slackUrl": people.url, "slackToken": token, "owner": "orders"}
        team = {**site, "notify": notify, "quiet": {"graceSeconds": 60}}
        import_environment(in_s3, sandbox, team)
        in_s3.config(id="inc-1", method="pitr", time="latest", traffic="frozen", reason="a bad DELETE")
        stack = f"organization/restore/{in_s3.stack}"
        in_s3.pulumi("up", "--stack", stack, "--yes", "--skip-preview").ok()
        in_s3.config(traffic="restored")
        in_s3.up().ok()
        before = read_file(in_s3)
        import_environment(in_s3, sandbox, {**team, "quiet": {"graceSeconds": 61}})

        told = in_s3.run("python", "-m", "restore", "--stack", stack, "rollback", "--accept-loss", "--yes").ok().text
        assert "restore:quiet stays: the stack imports it" in told
        after = read_file(in_s3)
        assert after == {**before, "config": {**before["config"], "restore:traffic": "source"}}
        assert json.loads(in_s3.pulumi("config", "get", "quiet").ok().stdout) == {"graceSeconds": 61}
        assert json.loads(in_s3.pulumi("config", "get", "notify").ok().stdout)["slackToken"] == vendors.TOKEN
        assert sandbox.replicas() == names.DEPLOYMENTS
        assert sandbox.secret() == sandbox.given
        assert people.slack[-1]["text"].startswith("Applications use the source again")
    kept = [sandbox.aws.s3.get_object(Bucket=BUCKET, Key=key) for key in keys(sandbox) if "/environments/" not in key]
    assert not any(vendors.TOKEN.encode() in item["Body"].read() for item in kept)


@pytest.mark.slow
def test_a_run_waits_for_nobody_elses_run_and_a_switch_for_a_second_person(sandbox: Sandbox, project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen", approvals="2")
    note_run(project, timedelta(seconds=5))
    refused = project.up().failed("ada@laptop-2", "runs it", "restore status")
    assert CANDIDATE not in sandbox.instances(), refused.text
    note_run(project, timedelta(minutes=3))
    assert "taken over" in project.up().ok().text
    project.config(traffic="restored")
    project.up().failed("approved.person", "nobody has approved", "no waiver covers this")
    project.run("python", "-m", "restore", "approve", "--yes").ok()
    project.up().failed("approved.person", "same identity")
    somebody_else = replace(project, extra=environment.administrator(sandbox.layout))
    somebody_else.run("python", "-m", "restore", "approve", "--yes").ok()
    assert set(sandbox.replicas().values()) == {0}
    project.up().ok()
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert attempts(project, "approved")[-1]["facts"]["approved_by"]
