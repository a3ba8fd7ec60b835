"""RDS as real accounts have it: long first backups, rotated passwords, quotas, settings that no restore takes along."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from restore.config.settings import collect
from restore.errors import Problem
from restore.inventory.gather import gather
from restore.model.inventory import Inventory
from restore.preflight import rules
from sandbox.application import database, names, stack_config
from sandbox.application.operator_rights import OperatorRights
from sandbox.runtime import environment
from sandbox.trouble import catalogue
from tests.support.sandbox.harness import Project, Sandbox, utc_now

CANDIDATE = f"{names.INSTANCE}-inc-1"


@contextmanager
def played(sandbox: Sandbox, trouble: str) -> Generator[None]:
    catalogue.play(sandbox.layout, trouble)
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, trouble)


@pytest.mark.slow
def test_a_first_backup_of_hours_holds_nobody_up(sandbox: Sandbox, project: Project) -> None:
    project.config(id="inc-1", method="pitr", time="latest", traffic="source")
    with played(sandbox, "long-backup"):
        project.up().ok()
        assert sandbox.status(CANDIDATE) == "backing-up"
    conformed, validated = (project.evidence("inc-1", gate)[-1] for gate in ("conformed", "validated"))
    assert conformed["facts"]["changed"]["backupRetentionPeriod"] == {"from": 0, "to": 7}
    assert validated["open"]
    assert project.preview().ok().steps == []


def test_applications_go_on_when_aws_refuses_the_restore(sandbox: Sandbox, project: Project) -> None:
    happened = sandbox.incident()
    project.config(id="inc-1", method="pitr", time=happened["restore_to"], traffic="frozen")
    with played(sandbox, "key-without-grant"):
        project.up().failed("KMSKeyNotAccessibleFault")
    assert sandbox.replicas() == names.DEPLOYMENTS
    assert CANDIDATE not in sandbox.instances()
    project.up().ok()
    assert set(sandbox.replicas().values()) == {0}


def looked_at(sandbox: Sandbox, **wanted: str) -> tuple[Inventory, dict[str, Problem]]:
    """What a preview reads and refuses, by subject; this process has the operator's environment."""
    now = datetime.now(UTC)
    asked = {"id": "inc-1", "method": "pitr", "time": "latest", "traffic": "frozen"} | wanted
    entries = stack_config.configuration(sandbox.layout) | {f"restore:{key}": value for key, value in asked.items()}
    settings = collect(entries, "test", {}).read_settings(now)
    found = gather(settings, now)
    return found, {problem.subject: problem for problem in rules.find_problems(settings, found)}


@pytest.fixture
def operator(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.variables(sandbox.layout, "").items():
        monkeypatch.setenv(name, value)


ROOM = {
    "instance-quota": "account quota DBInstances",
    "storage-quota": "account quota AllocatedStorage",
    "snapshot-quota": "account quota ManualSnapshots",
    "class-elsewhere": "config instance.dbSubnetGroupName",
    "class-retired": "config instance.instanceClass",
    "subnets-full": "config instance.dbSubnetGroupName",
    "groups-closed": "path from the pods",
    "key-disabled": "key arn:",
    "cluster-member": f"instance {names.INSTANCE}",
    "cordoned-node": "deployment ",
}


@pytest.mark.usefixtures("operator")
def test_what_aws_would_refuse_is_named_before_anything_stops(sandbox: Sandbox) -> None:
    assert looked_at(sandbox)[1] == {}
    for trouble, subject in ROOM.items():
        with played(sandbox, trouble):
            found = looked_at(sandbox)[1]
        assert found, trouble
        assert all(name.startswith(subject) for name in found), (trouble, found)
    assert looked_at(sandbox)[1] == {}


@pytest.mark.slow
@pytest.mark.usefixtures("operator")
def test_rights_that_only_look_for_room_are_missed_aloud_and_stop_nobody(sandbox: Sandbox) -> None:
    rights = OperatorRights.of(sandbox.layout)
    asked = {
        "rds:DescribeAccountAttributes": "quotas",
        "rds:DescribeOrderableDBInstanceOptions": "orderable classes",
        "rds:DescribeDBSubnetGroups": "subnets",
        "ec2:DescribeSubnets": "free addresses",
        "kms:DescribeKey": "KMS keys",
    }
    for action, part in asked.items():
        with rights.without(action):
            found, problems = looked_at(sandbox)
        assert problems == {}
        assert found.capacity is not None
        assert set(found.capacity.unasked) == {part}
        assert action in found.capacity.unasked[part]
    ways = {
        "ec2:DescribeSecurityGroups": "security groups",
        "ec2:DescribeNetworkInterfaces": "network interfaces",
        "ec2:DescribeNetworkAcls": "network ACLs",
        "ec2:DescribeRouteTables": "route tables",
        "list pods": "pods",
    }
    for right, part in ways.items():
        with rights.without(right):
            found, problems = looked_at(sandbox)
        assert problems == {}
        assert found.network is not None
        assert set(found.network.unasked) == {part}
    with rights.without("list nodes"):
        found, problems = looked_at(sandbox)
    assert problems == {}
    assert found.nodes is not None
    assert 'cannot list resource "nodes"' in found.nodes.unasked


@pytest.mark.slow
def test_a_restore_of_a_source_with_a_rotated_password_and_uncopied_settings_is_proved(
    sandbox: Sandbox, project: Project
) -> None:
    """Both are lost in every restore: the password of now, and what no restore takes along."""
    before = utc_now()
    database.wait_restorable(sandbox.aws, before)
    with played(sandbox, "rotated-password"), played(sandbox, "uncopied-settings"):
        secret = sandbox.instance()["MasterUserSecret"]["SecretArn"]
        project.pulumi("config", "set", "--plaintext", "--path", "login.secretId", secret).ok()
        project.config(id="inc-1", method="pitr", time=before, traffic="source")
        project.up().ok()
        made = sandbox.instance(CANDIDATE)
    assert project.evidence("inc-1", "validated")[-1]["open"]
    assert made["AssociatedRoles"][0]["FeatureName"] == "s3Export"
    wanted = {
        "DedicatedLogVolume": True,
        "NetworkType": "DUAL",
        "DatabaseInsightsMode": "advanced",
        "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
    }
    assert {name: made[name] for name in wanted} == wanted
