"""What else knows the source: seen in the preview, taken along by the switch, and back by the way back."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from sandbox.application import names
from sandbox.application.operator_rights import OperatorRights
from sandbox.trouble import catalogue, dependents
from tests.support.sandbox.harness import Project, Sandbox, utc_now

CANDIDATE = f"{names.INSTANCE}-inc-1"


@contextmanager
def trouble(sandbox: Sandbox, name: str) -> Generator[None]:
    catalogue.play(sandbox.layout, name)
    try:
        yield
    finally:
        catalogue.end(sandbox.layout, name)


@pytest.fixture
def dependent_source(project: Project) -> Iterator[None]:
    """Ends its troubles before the project's end puts the sandbox back."""
    sandbox = project.sandbox
    with ExitStack() as stack:
        for item in dependents.TROUBLES:
            stack.enter_context(trouble(sandbox, item.name))
        yield


def pointing(sandbox: Sandbox) -> dict[str, list[str]]:
    """The instances to which each thing that can follow points, as AWS tells."""
    alarms: Any = sandbox.aws.cloudwatch.describe_alarms(AlarmNames=[dependents.ALARM, dependents.MATH_ALARM])
    by_name = {alarm["AlarmName"]: alarm for alarm in alarms["MetricAlarms"]}
    plain = by_name[dependents.ALARM]["Dimensions"]
    math = by_name[dependents.MATH_ALARM]["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"]
    targets: Any = sandbox.aws.rds.describe_db_proxy_targets(DBProxyName=dependents.PROXY)["Targets"]
    subscription: Any = sandbox.aws.rds.describe_event_subscriptions(SubscriptionName=dependents.SUBSCRIPTION)
    return {
        "alarm": [item["Value"] for item in plain],
        "metric math": [item["Value"] for item in math],
        "proxy": [target["RdsResourceId"] for target in targets],
        "events": subscription["EventSubscriptionsList"][0]["SourceIdsList"],
        "backups": backed_up(sandbox),
    }


def backed_up(sandbox: Sandbox) -> list[str]:
    """The instances that the backup plan selects, by name."""
    backup: Any = sandbox.aws.client("backup")
    (plan,) = [item["BackupPlanId"] for item in backup.list_backup_plans()["BackupPlansList"]]
    members = backup.list_backup_selections(BackupPlanId=plan)["BackupSelectionsList"]
    selections = [backup.get_backup_selection(BackupPlanId=plan, SelectionId=item["SelectionId"]) for item in members]
    return sorted(arn.rpartition(":")[2] for item in selections for arn in item["BackupSelection"]["Resources"])


AT_SOURCE = {
    "alarm": [names.INSTANCE],
    "metric math": [names.INSTANCE],
    "proxy": [names.INSTANCE],
    "events": [names.INSTANCE],
    "backups": [names.INSTANCE],
}
AT_CANDIDATE = {
    **{kind: [CANDIDATE] for kind in AT_SOURCE},
    "backups": [names.INSTANCE, CANDIDATE],
}


@pytest.mark.usefixtures("dependent_source")
def test_a_preview_names_what_stays_with_the_source_and_what_could_not_be_asked(
    project: Project, sandbox: Sandbox
) -> None:
    project.config(id="inc-1", method="pitr", time=utc_now(), traffic="frozen")
    with OperatorRights.of(sandbox.layout).without("route53:ListHostedZones", "backup:ListBackupPlans"):
        text = project.preview().ok().text
    assert f"CloudWatch alarms {dependents.ALARM}, {dependents.MATH_ALARM}, by its identifier" in text
    assert f"RDS Proxies {dependents.PROXY}, by its identifier" in text
    assert f"event subscriptions {dependents.SUBSCRIPTION}, by its identifier" in text
    assert f"IAM policies {dependents.POLICY}, by its DbiResourceId" in text
    assert "note: not asked: DNS records of the source: AccessDenied" in text
    assert "note: not asked: backup plans of the source: AccessDenied" in text


@pytest.mark.slow
@pytest.mark.usefixtures("dependent_source")
def test_what_depends_on_the_source_follows_the_switch_and_the_way_back(project: Project, sandbox: Sandbox) -> None:
    project.config(id="inc-1", method="pitr", time=utc_now(), traffic="frozen", dependents="follow")
    text = project.up().ok().text
    assert f"DNS records {dependents.RECORD} (private zone), by its endpoint" in text
    project.config(traffic="restored")
    project.up().ok()
    assert pointing(sandbox) == AT_CANDIDATE
    for traffic in ("frozen", "source"):
        project.config(traffic=traffic)
        project.up().ok()
    assert pointing(sandbox) == AT_SOURCE


@pytest.mark.slow
@pytest.mark.usefixtures("dependent_source")
def test_what_can_not_follow_keeps_no_application_down_and_says_its_command(project: Project, sandbox: Sandbox) -> None:
    project.config(id="inc-1", method="pitr", time=utc_now(), traffic="frozen", dependents="follow")
    project.up().ok()
    project.config(traffic="restored")
    sandbox.aws.faults.add("error", "RegisterDBProxyTargets", 1, code="InvalidDBProxyStateFault", message="busy")
    project.up().failed(f"serving.dependent:proxy/{dependents.PROXY}", "aws rds register-db-proxy-targets")
    assert sandbox.replicas() == dict.fromkeys(names.DEPLOYMENTS, 1) or all(sandbox.replicas().values())
    assert pointing(sandbox)["proxy"] == []
    project.up().ok()
    assert pointing(sandbox) == AT_CANDIDATE


@pytest.mark.slow
@pytest.mark.usefixtures("dependent_source")
def test_a_new_production_that_nobody_backs_up_is_not_called_safe(project: Project, sandbox: Sandbox) -> None:
    project.config(id="inc-1", method="pitr", time=utc_now(), traffic="frozen")
    project.up().ok()
    project.config(traffic="restored")
    project.up().failed("serving.backup-plan", dependents.PLAN, "docs/dependents.md")
    assert pointing(sandbox) == AT_SOURCE
    project.config(dependents="follow")
    project.up().ok()
    assert pointing(sandbox) == AT_CANDIDATE
