"""The stand-in AWS provider as a whole."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sandbox.standins.aws import provider_config
from sandbox.standins.aws.instance import InstanceType
from sandbox.standins.aws.named_types import (
    BackupsReplicationType,
    EventSubscriptionType,
    MetricAlarmType,
    TopicType,
)
from sandbox.standins.aws.parameter_group import ParameterGroupType
from sandbox.standins.aws.rds_client import Boto, caller_identity
from sandbox.standins.aws.snapshot import SnapshotType
from sandbox.standins.aws.snapshot_copy import SnapshotCopyType
from sandbox.standins.plugin.interface import CheckFailure, Function, ResourceType, Surroundings
from sandbox.standins.plugin.property_values import Properties

INSTANCE_TYPE = "aws:rds/instance:Instance"
SNAPSHOT_TYPE = "aws:rds/snapshot:Snapshot"
SNAPSHOT_COPY_TYPE = "aws:rds/snapshotCopy:SnapshotCopy"
PARAMETER_GROUP_TYPE = "aws:rds/parameterGroup:ParameterGroup"
TOPIC_TYPE = "aws:sns/topic:Topic"
EVENT_SUBSCRIPTION_TYPE = "aws:rds/eventSubscription:EventSubscription"
METRIC_ALARM_TYPE = "aws:cloudwatch/metricAlarm:MetricAlarm"
BACKUPS_REPLICATION_TYPE = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
CALLER_IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"


class Aws:
    name, version = "aws", "7.51.1"
    types: Sequence[str] = (
        INSTANCE_TYPE,
        SNAPSHOT_TYPE,
        SNAPSHOT_COPY_TYPE,
        PARAMETER_GROUP_TYPE,
        TOPIC_TYPE,
        EVENT_SUBSCRIPTION_TYPE,
        METRIC_ALARM_TYPE,
        BACKUPS_REPLICATION_TYPE,
    )

    def check_config(self, config: Properties) -> Sequence[CheckFailure]:
        return _problems(config)

    def configure(self, config: Properties, surroundings: Surroundings) -> Mapping[str, ResourceType]:
        settings = _settings(config)
        rds = Boto(settings)
        common = (rds, settings.region, settings.default_tags, surroundings.cancelled)
        return {
            INSTANCE_TYPE: InstanceType(*common),
            SNAPSHOT_TYPE: SnapshotType(*common),
            SNAPSHOT_COPY_TYPE: SnapshotCopyType(*common),
            PARAMETER_GROUP_TYPE: ParameterGroupType(*common),
            TOPIC_TYPE: TopicType(Boto(settings, "sns"), settings.region),
            EVENT_SUBSCRIPTION_TYPE: EventSubscriptionType(rds, settings.region),
            METRIC_ALARM_TYPE: MetricAlarmType(Boto(settings, "cloudwatch"), settings.region),
            BACKUPS_REPLICATION_TYPE: BackupsReplicationType(
                lambda region: Boto(replace(settings, region=region)), settings.region
            ),
        }

    def functions(self, config: Properties) -> Mapping[str, Function]:
        return {CALLER_IDENTITY: lambda: caller_identity(_settings(config))}


def _problems(config: Properties) -> Sequence[CheckFailure]:
    return provider_config.problems(config, os.environ)


def _settings(config: Properties) -> provider_config.AwsSettings:
    return provider_config.settings(config, os.environ)
