"""Gates in Jobs beside the database, followed by a run that can't reach it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sandbox.application import names
from tests.support.sandbox.harness import Project, Sandbox

BUCKET = "ghost-protocol-sandbox-evidence"
NOWHERE = "127.0.0.1:9"
"""Nothing answers there."""


def beside_the_database(sandbox: Sandbox, project: Project, restore_id: str = "inc-1") -> None:
    """Gates run in Jobs, and the operator's machine reaches no database."""
    sandbox.aws.s3.create_bucket(Bucket=BUCKET)
    barred = {names.INSTANCE: NOWHERE, f"{names.INSTANCE}-{restore_id}": NOWHERE}
    project.edit(
        lambda config: config.update(
            {
                "restore:evidence": f"s3://{BUCKET}/restores/{uuid.uuid4().hex}",
                "restore:runner": "kubernetes",
                "restore:runnerJob": {"image": "registry.example/restore:1"},
                "restore:tunnel": barred,
            }
        )
    )


def records(sandbox: Sandbox, project: Project, gate: str, restore_id: str = "inc-1") -> list[dict[str, Any]]:
    """The attempts of a gate, oldest first."""
    place = project.pulumi("config", "get", "evidence").ok().text.strip().removeprefix(f"s3://{BUCKET}/")
    prefix = f"{place}/{project.stack}/{restore_id}/"
    listed = sandbox.aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix, Delimiter="/").get("Contents", [])
    keys = sorted(key for item in listed if (key := str(item.get("Key"))).endswith(f"-{gate}.json"))
    return [json.loads(sandbox.aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]


def jobs(sandbox: Sandbox) -> list[str]:
    return [item["metadata"]["name"] for item in sandbox.kube.list("Job", names.NAMESPACE)]


def test_a_machine_that_reaches_no_database_freezes_and_switches(sandbox: Sandbox, project: Project) -> None:
    beside_the_database(sandbox, project)
    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    frozen = project.up().ok()
    assert "runs in the cluster" in frozen.text
    project.config(traffic="restored")
    project.up().ok()
    endpoint = sandbox.instance(f"{names.INSTANCE}-inc-1")["Endpoint"]["Address"]
    assert f"@{endpoint}:" in sandbox.url
    for gate in ("quiesced", "validated", "switched", "serving"):
        assert records(sandbox, project, gate)[-1]["open"], gate
    assert jobs(sandbox) == []
