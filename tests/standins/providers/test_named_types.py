"""What watches over backups is made, changed and removed by the calls that the real provider makes."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sandbox.standins.aws.named_types import BackupsReplicationType, EventSubscriptionType, MetricAlarmType, TopicType
from sandbox.standins.aws.rds_client import RdsError
from sandbox.standins.kubernetes.patch import OwnObject
from sandbox.standins.kubernetes.patched_objects import OWN_CRON_JOB
from sandbox.standins.kubernetes.provider_config import KubernetesSettings
from sandbox.standins.plugin.interface import Call, Surroundings
from sandbox.standins.plugin.property_values import UNKNOWN, Properties
from tests.support.standins.no_objects import NoObjects

TOPIC = "arn:aws:sns:us-east-1:123456789012:oncall"
URN = "urn:pulumi:prod::restore::aws:x/y:Z::name"


class Aws:
    """Answers from a table, by operation, and keeps what it was asked; an exception in it is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[tuple[str, Properties]]()

    def call(self, operation: str, request: Properties) -> Properties:
        self.asked.append((operation, request))
        answer = self.answers.get(operation, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    def of(self, operation: str) -> list[Properties]:
        return [request for name, request in self.asked if name == operation]


def test_a_preview_asks_aws_nothing() -> None:
    aws = Aws()
    identity, state = TopicType(aws, "us-east-1").create(Call(urn=URN, raw={"name": "oncall"}, preview=True))
    assert (identity, state["arn"], aws.asked) == ("", UNKNOWN, [])


def test_a_topic_that_is_gone_is_read_as_gone() -> None:
    aws = Aws(GetTopicAttributes=RdsError("no", "NotFound", "no"))
    assert TopicType(aws, "us-east-1").read(Call(urn=URN, id=TOPIC)) is None


def test_an_alarm_is_read_as_it_was_asked_for() -> None:
    inputs: Properties = {
        "name": "late",
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 2,
        "threshold": 60.0,
        "dimensions": {"Stack": "prod"},
        "alarmActions": [TOPIC],
        "treatMissingData": "breaching",
        "actionsEnabled": True,
    }
    aws = Aws()
    alarms = MetricAlarmType(aws, "us-east-1")
    aws.answers["DescribeAlarms"] = {
        "MetricAlarms": [
            {
                "AlarmName": "late",
                "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:late",
                "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": 2,
                "Threshold": 60.0,
                "Dimensions": [{"Name": "Stack", "Value": "prod"}],
                "AlarmActions": [TOPIC],
                "TreatMissingData": "breaching",
                "ActionsEnabled": True,
            }
        ]
    }
    identity, state = alarms.create(Call(urn=URN, raw=inputs))
    assert identity == "late"
    assert aws.of("PutMetricAlarm")[0]["Dimensions"] == [{"Name": "Stack", "Value": "prod"}]
    assert alarms.diff(Call(urn=URN, id=identity, raw=inputs, raw_state=state)).detailed == {}


def test_a_subscription_follows_to_another_instance() -> None:
    described = {"EventSubscriptionArn": "arn", "SnsTopicArn": TOPIC, "SourceIdsList": ["shop-inc-1"]}
    aws = Aws(DescribeEventSubscriptions={"EventSubscriptionsList": [described]})
    state: Properties = {"name": "backups", "sourceIds": ["shop"]}
    inputs: Properties = {"name": "backups", "snsTopic": TOPIC, "sourceIds": ["shop-inc-1"]}
    updated = EventSubscriptionType(aws, "us-east-1").update(Call(urn=URN, id="backups", raw=inputs, raw_state=state))
    assert updated["sourceIds"] == ["shop-inc-1"]
    assert aws.of("AddSourceIdentifierToSubscription")[0]["SourceIdentifier"] == "shop-inc-1"
    assert aws.of("RemoveSourceIdentifierFromSubscription")[0]["SourceIdentifier"] == "shop"


def test_backups_are_replicated_in_the_region_that_is_named() -> None:
    arn = "arn:aws:rds:us-west-2:123456789012:auto-backup:ab-1"
    source = "arn:aws:rds:us-east-1:123456789012:db:shop"
    backup = {"DBInstanceAutomatedBackupsArn": arn, "DBInstanceArn": source, "BackupRetentionPeriod": 7}
    aws = Aws(
        StartDBInstanceAutomatedBackupsReplication={"DBInstanceAutomatedBackup": backup},
        DescribeDBInstanceAutomatedBackups={"DBInstanceAutomatedBackups": [backup]},
    )
    regions: list[str] = []

    def of_region(region: str) -> Aws:
        regions.append(region)
        return aws

    replication = BackupsReplicationType(of_region, "us-east-1")
    call = Call(urn=URN, raw={"sourceDbInstanceArn": source, "region": "us-west-2"})
    assert replication.check(call).failures == []
    identity, state = replication.create(call)
    assert (identity, state["region"], set(regions)) == (arn, "us-west-2", {"us-west-2"})


class Gone(NoObjects):
    """An API server whose object somebody has deleted already."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def delete(self, path: str) -> None:
        self.deleted.append(path)
        super().delete(path)


@pytest.mark.parametrize("where", ["__inputs", "old_inputs"])
def test_an_object_that_is_gone_already_is_no_failure(where: str) -> None:
    named: Properties = {"metadata": {"name": "restore-check-prod", "namespace": "shop"}}
    api = Gone()
    around = Surroundings(threading.Event(), lambda _where, _text: None)
    call = Call(urn=URN, raw_state={"__inputs": named}) if where == "__inputs" else Call(urn=URN, raw_old_inputs=named)
    OwnObject(OWN_CRON_JOB, api, KubernetesSettings(None), around).delete(call)
    assert api.deleted == ["/apis/batch/v1/namespaces/shop/cronjobs/restore-check-prod"]
