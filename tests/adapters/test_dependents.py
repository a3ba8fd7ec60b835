"""What knows an instance, found in each service; re-pointed, once and twice, and never where it points elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from restore.aws import Aws, follow
from restore.aws import dependents as reads
from restore.dependents.backup_plans import list_plans
from restore.model.dependents import DependentKind, KnownBy
from restore.model.rds import Instance
from sandbox.trouble import dependents as troubles
from sandbox.trouble.stage import Stage
from tests.support.sandbox.adapter_sandbox import Gateway

KEPT = ["AlarmName", "Threshold", "EvaluationPeriods", "ComparisonOperator", "AlarmActions", "Statistic", "Period"]


@pytest.fixture(scope="module")
def restored(gateway: Gateway) -> Instance:
    return gateway.create("prod-db-restored")


@pytest.fixture(scope="module", autouse=True)
def dependents(gateway: Gateway, source: Instance) -> Iterator[None]:
    stage = Stage(gateway.layout, source.identifier)
    memories = [trouble.on(stage) for trouble in troubles.TROUBLES]
    yield
    for trouble, memory in zip(troubles.TROUBLES, memories, strict=True):
        assert trouble.off
        trouble.off(stage, memory)


def alarm(aws: Aws, name: str = troubles.ALARM) -> dict[str, Any]:
    return aws.open_client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


def test_everything_that_knows_the_source_is_found_with_how_it_knows_it(
    aws: Aws, source: Instance, restored: Instance
) -> None:
    finders = (
        reads.find_alarms,
        reads.find_proxies,
        reads.find_event_subscriptions,
        reads.find_selections,
        reads.find_policies,
        reads.find_records,
    )
    known = {(item.kind, item.name): item.known_by for find in finders for item in find(aws, source)}
    assert known == {
        (DependentKind.ALARM, troubles.ALARM): KnownBy.IDENTIFIER,
        (DependentKind.ALARM, troubles.MATH_ALARM): KnownBy.IDENTIFIER,
        (DependentKind.PROXY, troubles.PROXY): KnownBy.IDENTIFIER,
        (DependentKind.EVENT_SUBSCRIPTION, troubles.SUBSCRIPTION): KnownBy.IDENTIFIER,
        (DependentKind.BACKUP_SELECTION, f"{troubles.PLAN}/{troubles.SELECTION}"): KnownBy.ARN,
        (DependentKind.IAM_POLICY, troubles.POLICY): KnownBy.RESOURCE_ID,
        (DependentKind.DNS_RECORD, troubles.RECORD): KnownBy.ENDPOINT,
    }
    assert [item for find in finders for item in find(aws, restored)] == []


def test_a_rotated_secret_that_names_the_source_is_found_and_its_value_told_nobody(aws: Aws, source: Instance) -> None:
    client = aws.open_client("secretsmanager")
    value = json.dumps({"username": "a", "password": "secret-Passw0rd", "dbInstanceIdentifier": source.identifier})
    arn = client.create_secret(Name="rotated", SecretString=value)["ARN"]
    client.rotate_secret(SecretId=arn, RotationRules={"AutomaticallyAfterDays": 30}, RotateImmediately=False)
    found, unread = reads.find_secrets(aws, source)
    assert [(item.name, item.known_by) for item in found] == [("rotated", KnownBy.IDENTIFIER)]
    assert unread == {}
    assert "secret-Passw0rd" not in repr(found)


def test_an_alarm_is_the_same_but_for_its_instance(aws: Aws, source: Instance, restored: Instance) -> None:
    before = alarm(aws)
    assert follow.point_alarm(aws, troubles.ALARM, source.identifier, restored.identifier)
    assert alarm(aws)["Dimensions"] == [{"Name": reads.DIMENSION, "Value": restored.identifier}]
    assert {key: alarm(aws)[key] for key in KEPT} == {key: before[key] for key in KEPT}
    assert not follow.point_alarm(aws, troubles.ALARM, source.identifier, restored.identifier)
    assert follow.point_alarm(aws, troubles.ALARM, restored.identifier, source.identifier)
    assert not follow.point_alarm(aws, "nothing", source.identifier, restored.identifier)


def test_an_alarm_of_metric_math_keeps_its_queries(aws: Aws, source: Instance, restored: Instance) -> None:
    assert follow.point_alarm(aws, troubles.MATH_ALARM, source.identifier, restored.identifier)
    queries = {query["Id"]: query for query in alarm(aws, troubles.MATH_ALARM)["Metrics"]}
    assert queries["slow"]["Expression"] == "read * 1000"
    dimensions = queries["read"]["MetricStat"]["Metric"]["Dimensions"]
    assert dimensions == [{"Name": reads.DIMENSION, "Value": restored.identifier}]
    assert follow.point_alarm(aws, troubles.MATH_ALARM, restored.identifier, source.identifier)


def test_a_proxy_left_without_a_target_gets_the_other_one(aws: Aws, source: Instance, restored: Instance) -> None:
    """As a kill between the two calls leaves it."""
    aws.open_client("rds").deregister_db_proxy_targets(
        DBProxyName=troubles.PROXY, DBInstanceIdentifiers=[source.identifier]
    )
    assert follow.point_proxy(aws, troubles.PROXY, source.identifier, restored.identifier)
    assert reads.read_targets(aws, troubles.PROXY) == [restored.identifier]
    assert not follow.point_proxy(aws, troubles.PROXY, source.identifier, restored.identifier)
    assert follow.point_proxy(aws, troubles.PROXY, restored.identifier, source.identifier)
    assert reads.read_targets(aws, troubles.PROXY) == [source.identifier]


def test_an_event_subscription_keeps_its_other_instances(aws: Aws, source: Instance, restored: Instance) -> None:
    name, client = troubles.SUBSCRIPTION, aws.open_client("rds")
    client.add_source_identifier_to_subscription(SubscriptionName=name, SourceIdentifier="another")
    assert follow.point_event_subscription(aws, name, source.identifier, restored.identifier)
    (told,) = client.describe_event_subscriptions(SubscriptionName=name)["EventSubscriptionsList"]
    assert sorted(told["SourceIdsList"]) == ["another", restored.identifier]
    assert not follow.point_event_subscription(aws, name, source.identifier, restored.identifier)
    assert follow.point_event_subscription(aws, name, restored.identifier, source.identifier)


def test_a_selection_is_added_once_and_only_it_is_taken_away(aws: Aws, source: Instance, restored: Instance) -> None:
    (selection,) = reads.read_selections(aws)
    plan, name = selection.plan_id, "restore-inc-1"
    assert list_plans(reads.read_selections(aws), restored) == {}
    for expected in (True, False):
        assert follow.add_selection(aws, plan, selection.role_arn, name, restored) is expected
    assert list_plans(reads.read_selections(aws), restored) == {plan: troubles.PLAN}
    for expected in (True, False):
        assert follow.remove_selection(aws, plan, name, restored) is expected
    assert reads.read_selections(aws) == [selection]
    assert list_plans(reads.read_selections(aws), source) == {plan: troubles.PLAN}


def test_a_listing_without_end_is_said_and_not_cut(aws: Aws, source: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "MOST", 1)
    with pytest.raises(Exception, match="more than 1 MetricAlarms"):
        reads.find_alarms(aws, source)


def test_a_renamed_source_takes_no_name_along(aws: Aws, source: Instance) -> None:
    """Alarms, proxies and subscriptions know a name: they are found for whoever has it."""
    renamed = replace(source, identifier="prod-db-before-inc-1")
    assert reads.find_alarms(aws, renamed) == []
    assert len(reads.find_policies(aws, renamed)) == 1
