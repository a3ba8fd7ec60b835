"""CloudWatch: what AWS has measured of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from restore.aws.client import Aws, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

PERIOD_SECONDS = 60
"""RDS measures each minute."""
RECENT = timedelta(minutes=15)
HOUR = timedelta(hours=1)
MOST_DAYS = 60
"""Of hourly values one answer holds 1,440 (API reference of GetMetricStatistics), and CloudWatch keeps them longer."""


@dataclass(frozen=True)
class Measured:
    """A metric's value, in its own unit, and the beginning of the period that it is of."""

    value: float
    at: datetime


def read_free_storage(aws: Aws, identifier: str, now: datetime) -> Measured | None:
    """Returns the bytes that an instance has free; None when CloudWatch has had no value for a quarter of an hour.

    Metric FreeStorageSpace (RDS User Guide, "Amazon CloudWatch instance-level metrics for Amazon RDS"). Raises
    PermanentError, TemporaryError.
    """
    with translate_errors("cloudwatch"):
        answer = cast("CloudWatchClient", aws.open_client("cloudwatch")).get_metric_statistics(
            Namespace="AWS/RDS",
            MetricName="FreeStorageSpace",
            Dimensions=[{"Name": "DBInstanceIdentifier", "Value": identifier}],
            StartTime=now - RECENT,
            EndTime=now,
            Period=PERIOD_SECONDS,
            Statistics=["Minimum"],
        )
    points = cast("list[dict[str, Any]]", answer.get("Datapoints", []))
    newest = max(points, key=itemgetter("Timestamp"), default=None)
    return Measured(float(newest["Minimum"]), newest["Timestamp"]) if newest else None


def read_hourly_connections(aws: Aws, identifier: str, since: datetime, now: datetime) -> tuple[Measured, ...]:
    """Returns the most sessions that clients had on an instance in each hour that was measured, oldest first.

    Metric DatabaseConnections, which leaves out RDS's own sessions (RDS User Guide, "Amazon CloudWatch instance-level
    metrics for Amazon RDS"), by the identifier that the instance had then. At most MOST_DAYS. Raises PermanentError,
    TemporaryError.
    """
    with translate_errors("cloudwatch"):
        answer = cast("CloudWatchClient", aws.open_client("cloudwatch")).get_metric_statistics(
            Namespace="AWS/RDS",
            MetricName="DatabaseConnections",
            Dimensions=[{"Name": "DBInstanceIdentifier", "Value": identifier}],
            StartTime=since,
            EndTime=now,
            Period=int(HOUR.total_seconds()),
            Statistics=["Maximum"],
        )
    points = sorted(cast("list[dict[str, Any]]", answer.get("Datapoints", [])), key=itemgetter("Timestamp"))
    return tuple(Measured(float(item["Maximum"]), item["Timestamp"]) for item in points)


def publish(aws: Aws, namespace: str, dimension: tuple[str, str], seconds: Mapping[str, float], now: datetime) -> None:
    """Publishes metrics of this moment, in seconds, by name. Raises PermanentError, TemporaryError."""
    name, value = dimension
    with translate_errors("cloudwatch"):
        cast("CloudWatchClient", aws.open_client("cloudwatch")).put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": metric,
                    "Dimensions": [{"Name": name, "Value": value}],
                    "Timestamp": now,
                    "Value": measured,
                    "Unit": "Seconds",
                }
                for metric, measured in seconds.items()
            ],
        )
