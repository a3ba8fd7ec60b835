"""Resources that AWS makes at once and knows by a name: what watches over backups.

aws:sns/topic:Topic (topic.go), aws:rds/eventSubscription:EventSubscription (event_subscription.go),
aws:cloudwatch/metricAlarm:MetricAlarm (metric_alarm.go) and
aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication
(instance_automated_backups_replication.go). Their tags are not played.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, cast

from sandbox.standins.aws import outputs
from sandbox.standins.aws.input_checks import checked
from sandbox.standins.aws.input_diff import difference
from sandbox.standins.aws.instance import failed
from sandbox.standins.aws.property_schema import (
    BACKUPS_REPLICATION,
    EVENT_SUBSCRIPTION,
    METRIC_ALARM,
    TOPIC,
    Property,
)
from sandbox.standins.aws.rds_client import RdsClient, RdsError
from sandbox.standins.aws.snapshot import no_problems
from sandbox.standins.plugin.interface import Call, CallRefused, Checked, Difference, ReadResult
from sandbox.standins.plugin.property_values import UNKNOWN, Properties, block, items

RdsOfRegion = Callable[[str], RdsClient]
ALARM_NAMES: Mapping[str, str] = {
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluationPeriods": "EvaluationPeriods",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "name": "AlarmName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}


class NamedType(ABC):
    """The part that all of them share: preview, checks, differences, and errors in the bridge's words."""

    title: str
    schema: Mapping[str, Property]
    named: str | None = "name"

    def __init__(self, region: str) -> None:
        self._region = region

    @abstractmethod
    def put(self, inputs: Properties) -> str:
        """Makes it; returns its id."""

    @abstractmethod
    def find(self, identity: str) -> Properties | None:
        """Its properties as AWS tells them; None where it is gone."""

    @abstractmethod
    def change(self, state: Properties, inputs: Properties) -> None:
        """Brings it to the inputs."""

    @abstractmethod
    def remove(self, identity: str, state: Properties) -> None:
        """Deletes it."""

    def region_of(self, inputs: Properties) -> str:
        """The one region that Check accepts: the provider's own."""
        del inputs
        return self._region

    def check(self, call: Call) -> Checked:
        return checked(self.schema, call, {}, no_problems, self.region_of(call.news), named=self.named)

    def diff(self, call: Call) -> Difference:
        names = (self.named,) if self.named else ()
        return difference(self.schema, call.state, call.news, call.ignored, names=names)

    def create(self, call: Call) -> tuple[str, Properties]:
        inputs = {key: value for key, value in call.news.items() if key != "__defaults"}
        if call.preview:
            unknown = {key: UNKNOWN for key, declared in self.schema.items() if declared.computed}
            return "", {**unknown, **inputs}
        try:
            identity = self.put(inputs)
            return identity, self._state(identity)
        except CallRefused as error:
            raise CallRefused(failed(f"creating {self.title} ({inputs.get('name', call.name)}): {error}")) from error

    def update(self, call: Call) -> Properties:
        inputs = {key: value for key, value in call.news.items() if key != "__defaults"}
        if call.preview:
            return {**call.state, **inputs}
        try:
            self.change(call.state, inputs)
            return self._state(call.id)
        except CallRefused as error:
            raise CallRefused(failed(f"updating {self.title} ({call.id}): {error}")) from error

    def read(self, call: Call) -> ReadResult | None:
        state = self.find(call.id)
        if state is None:
            return None
        return ReadResult(call.id, outputs.inputs_of(self.schema, state, call.old_inputs), state)

    def delete(self, call: Call) -> None:
        try:
            self.remove(call.id, call.state)
        except CallRefused as error:
            raise CallRefused(failed(f"deleting {self.title} ({call.id}): {error}")) from error

    def _state(self, identity: str) -> Properties:
        state = self.find(identity)
        if state is None:
            raise CallRefused(f"reading {self.title} ({identity}): couldn't find resource")
        return state


class TopicType(NamedType):
    title, schema = "SNS Topic", TOPIC

    def __init__(self, sns: RdsClient, region: str) -> None:
        super().__init__(region)
        self._sns = sns

    def put(self, inputs: Properties) -> str:
        return str(self._sns.call("CreateTopic", {"Name": inputs["name"]})["TopicArn"])

    def find(self, identity: str) -> Properties | None:
        try:
            described = cast("Properties", self._sns.call("GetTopicAttributes", {"TopicArn": identity})["Attributes"])
        except RdsError as error:
            if error.code in ("NotFound", "NotFoundException"):
                return None
            raise
        self._sns.call("ListTagsForResource", {"ResourceArn": identity})
        fixed: Properties = {"contentBasedDeduplication": False, "fifoTopic": False, "tags": {}, "tagsAll": {}}
        told = {"arn": identity, "owner": described.get("Owner", ""), "policy": described.get("Policy", "")}
        return {**fixed, **told, "name": identity.rpartition(":")[2], "region": self._region}

    def change(self, state: Properties, inputs: Properties) -> None:
        """Nothing that can be declared here changes."""

    def remove(self, identity: str, state: Properties) -> None:
        del state
        self._sns.call("DeleteTopic", {"TopicArn": identity})


class EventSubscriptionType(NamedType):
    title, schema = "RDS Event Subscription", EVENT_SUBSCRIPTION

    def __init__(self, rds: RdsClient, region: str) -> None:
        super().__init__(region)
        self._rds = rds

    def put(self, inputs: Properties) -> str:
        request = {**_subscription(inputs), "SourceIds": _texts(inputs.get("sourceIds"))}
        self._rds.call("CreateEventSubscription", request)
        return str(inputs["name"])

    def find(self, identity: str) -> Properties | None:
        try:
            listed = self._rds.call("DescribeEventSubscriptions", {"SubscriptionName": identity})
        except RdsError as error:
            if error.code.startswith("SubscriptionNotFound"):
                return None
            raise
        described = cast("list[Properties]", listed["EventSubscriptionsList"])[0]
        arn = described["EventSubscriptionArn"]
        self._rds.call("ListTagsForResource", {"ResourceName": arn})
        return {
            "arn": arn,
            "customerAwsId": described.get("CustomerAwsId", ""),
            "enabled": described.get("Enabled", True),
            "eventCategories": described.get("EventCategoriesList") or [],
            "name": identity,
            "region": self._region,
            "snsTopic": described["SnsTopicArn"],
            "sourceIds": described.get("SourceIdsList") or [],
            "sourceType": described.get("SourceType") or "",
            "tags": {},
            "tagsAll": {},
        }

    def change(self, state: Properties, inputs: Properties) -> None:
        name = state["name"]
        self._rds.call("ModifyEventSubscription", _subscription(inputs))
        before, after = set(_texts(state.get("sourceIds"))), set(_texts(inputs.get("sourceIds")))
        for operation, changed in (
            ("AddSourceIdentifierToSubscription", after - before),
            ("RemoveSourceIdentifierFromSubscription", before - after),
        ):
            for source in sorted(changed):
                self._rds.call(operation, {"SubscriptionName": name, "SourceIdentifier": source})

    def remove(self, identity: str, state: Properties) -> None:
        del state
        self._rds.call("DeleteEventSubscription", {"SubscriptionName": identity})


def _texts(value: Any) -> list[str]:
    return [str(item) for item in cast("list[object]", value or [])]


def _subscription(inputs: Properties) -> Properties:
    return {
        "SubscriptionName": inputs["name"],
        "SnsTopicArn": inputs["snsTopic"],
        "SourceType": inputs.get("sourceType") or "",
        "EventCategories": _texts(inputs.get("eventCategories")),
        "Enabled": inputs.get("enabled", True),
    }


class MetricAlarmType(NamedType):
    title, schema = "CloudWatch Metric Alarm", METRIC_ALARM

    def __init__(self, cloudwatch: RdsClient, region: str) -> None:
        super().__init__(region)
        self._cloudwatch = cloudwatch

    def put(self, inputs: Properties) -> str:
        request = {ALARM_NAMES[key]: value for key, value in inputs.items() if key in ALARM_NAMES and value != ""}
        request["Dimensions"] = [
            {"Name": name, "Value": value} for name, value in block(inputs.get("dimensions")).items()
        ]
        self._cloudwatch.call("PutMetricAlarm", request)
        return str(inputs["name"])

    def find(self, identity: str) -> Properties | None:
        alarms = items(self._cloudwatch.call("DescribeAlarms", {"AlarmNames": [identity]}).get("MetricAlarms"))
        if not alarms:
            return None
        described = alarms[0]
        arn = described["AlarmArn"]
        self._cloudwatch.call("ListTagsForResource", {"ResourceARN": arn})
        told = {key: described[name] for key, name in ALARM_NAMES.items() if name in described}
        dimensions = {item["Name"]: item["Value"] for item in items(described.get("Dimensions"))}
        return {**told, "dimensions": dimensions, "arn": arn, "region": self._region, "tags": {}, "tagsAll": {}}

    def change(self, state: Properties, inputs: Properties) -> None:
        del state
        self.put(inputs)

    def remove(self, identity: str, state: Properties) -> None:
        del state
        self._cloudwatch.call("DeleteAlarms", {"AlarmNames": [identity]})


class BackupsReplicationType(NamedType):
    """Made in the region that `region` names, whatever the provider's own is (enhanced region support)."""

    title, schema, named = "RDS Instance Automated Backup", BACKUPS_REPLICATION, None

    def __init__(self, rds_of: RdsOfRegion, region: str) -> None:
        super().__init__(region)
        self._rds_of = rds_of

    def region_of(self, inputs: Properties) -> str:
        return str(inputs.get("region") or self._region)

    def put(self, inputs: Properties) -> str:
        names = {"sourceDbInstanceArn": "SourceDBInstanceArn", "kmsKeyId": "KmsKeyId"}
        request = {name: inputs[key] for key, name in names.items() if inputs.get(key)}
        request["BackupRetentionPeriod"] = inputs.get("retentionPeriod") or 7
        answer = self._rds_of(self.region_of(inputs)).call("StartDBInstanceAutomatedBackupsReplication", request)
        return str(answer["DBInstanceAutomatedBackup"]["DBInstanceAutomatedBackupsArn"])

    def find(self, identity: str) -> Properties | None:
        region = identity.split(":")[3]
        try:
            listed = self._rds_of(region).call(
                "DescribeDBInstanceAutomatedBackups", {"DBInstanceAutomatedBackupsArn": identity}
            )["DBInstanceAutomatedBackups"]
        except RdsError as error:
            if error.code.startswith("DBInstanceAutomatedBackupNotFound"):
                return None
            raise
        described = cast("Properties", listed[0])
        return {
            "kmsKeyId": described.get("KmsKeyId") or "",
            "region": region,
            "retentionPeriod": described.get("BackupRetentionPeriod"),
            "sourceDbInstanceArn": described["DBInstanceArn"],
        }

    def change(self, state: Properties, inputs: Properties) -> None:
        """All that can be declared forces a replacement."""

    def remove(self, identity: str, state: Properties) -> None:
        del identity
        request = {"SourceDBInstanceArn": state["sourceDbInstanceArn"]}
        self._rds_of(str(state["region"])).call("StopDBInstanceAutomatedBackupsReplication", request)
