"""`python -m restore doctor` on a quiet day: all well on a site as documented, and each trouble named with its fix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from restore.aws import Aws, read_caller
from restore.config.settings import collect
from restore.doctor.examine import Examination
from restore.doctor.finding import State
from restore.model.request import Settings
from sandbox.application import names, nightly_dump, stack_config
from sandbox.application.operator_rights import OperatorRights
from sandbox.postgres.binaries import find
from sandbox.postgres.identity import Identity
from sandbox.runtime import environment
from tests.support.sandbox.harness import Project, Sandbox


@pytest.fixture
def with_pg_restore(sandbox: Sandbox) -> str:
    """PATH with the sandbox's own PostgreSQL first: a machine's may be older than the source."""
    folder = find(Identity.choose()).tool("pg_restore").parent
    return f"{folder}:{environment.variables(sandbox.layout, '')['PATH']}"


def test_a_site_as_documented_is_well_and_nothing_is_changed(
    sandbox: Sandbox, project: Project, with_pg_restore: str
) -> None:
    nightly_dump.run(sandbox.layout)
    before = (sandbox.instances(), sandbox.replicas(), sandbox.secret(), sandbox.snapshots())
    run = project.run("env", f"PATH={with_pg_restore}", "python", "-m", "restore", "doctor", "--json").ok()
    findings = {item["subject"]: item for item in json.loads(run.stdout)["findings"]}
    assert {item["state"] for item in findings.values()} == {"ok"}, run.text
    expected = ("Pulumi CLI", "plugin aws", "AWS plugin's identity", "clock and AWS", "clock and cluster", "dumps")
    assert findings.keys() >= {*expected, "rights, pitr", "rights, snapshot", "rights, dump", "path from the pods"}
    assert (sandbox.instances(), sandbox.replicas(), sandbox.secret(), sandbox.snapshots()) == before
    assert project.resources() == []


@pytest.fixture
def examination(sandbox: Sandbox, with_pg_restore: str, monkeypatch: pytest.MonkeyPatch) -> Examination:
    """The doctor in this process, as the operator."""
    for name, value in environment.variables(sandbox.layout, "").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", with_pg_restore)

    def settings_with(more: Mapping[str, str]) -> Settings:
        return collect(stack_config.configuration(sandbox.layout) | dict(more), "test", {}).read_settings(
            datetime.now(UTC)
        )

    site = settings_with({})
    return Examination(Path.cwd(), settings_with, lambda: read_caller(Aws.of(site)))


def test_everything_that_would_stop_a_restore_is_named_at_once(sandbox: Sandbox, examination: Examination) -> None:
    """Two rights, the dumps and the network path: each a problem, none hides another."""
    ec2: Any = sandbox.aws.client("ec2")
    rules = {group["GroupId"]: group["IpPermissions"] for group in security_groups(sandbox)}
    rights = OperatorRights.of(sandbox.layout)
    nightly_dump.run(sandbox.layout)
    dumps = sandbox.aws.s3.list_objects_v2(Bucket=names.BACKUP_BUCKET).get("Contents", ())
    try:
        for group, permissions in rules.items():
            ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=permissions)
        for dump in dumps:
            sandbox.aws.s3.delete_object(Bucket=names.BACKUP_BUCKET, Key=str(dump.get("Key")))
        with rights.without("rds:CreateDBSnapshot", "patch secrets"):
            found = {item.subject: item for item in examination.collect_findings() if item.state is State.PROBLEM}
    finally:
        for group, permissions in rules.items():
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permissions)
    assert found.keys() >= {
        "right rds:CreateDBSnapshot",
        "right patch secrets",
        "dumps",
        "path from the pods",
    }
    assert all(item.fix and item.found and item.needed for item in found.values())


def security_groups(sandbox: Sandbox) -> list[Any]:
    named = [{"Name": "group-name", "Values": list(names.SECURITY_GROUPS)}]
    ec2: Any = sandbox.aws.client("ec2")
    return list(ec2.describe_security_groups(Filters=named)["SecurityGroups"])
