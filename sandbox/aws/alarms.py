"""CloudWatch's metric alarms, evaluated: moto keeps them, and never looks at a metric.

What is played, of one metric with one statistic (CloudWatch User Guide, "Evaluating an alarm" and "Configuring how
CloudWatch alarms treat missing data"): periods end at whole minutes; more periods are looked at than are evaluated, and
missing ones are left out as long as the others are enough; only then `treatMissingData` fills up. An alarm is in ALARM
when `datapointsToAlarm` of the evaluated periods are breaching. Each change of state is told to its actions' topics.

An evaluation is asked for (`python -m sandbox alarms`), as of any moment: nobody waits for hours here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any, cast

from sandbox.aws.client import Clients

MORE_PERIODS = 2
"""Looked at besides those that are evaluated; AWS tells an example (five for three), and no rule."""
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": gt,
    "GreaterThanOrEqualToThreshold": ge,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}
ALARM, OK, UNKNOWN = "ALARM", "OK", "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class Rule:
    """What of an alarm decides its state."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int
    missing: str
    """breaching, notBreaching, ignore or missing."""

    @property
    def looked_at(self) -> int:
        return self.periods + MORE_PERIODS

    def is_breaching(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.threshold)


def decide(rule: Rule, values: Sequence[float | None], state: str) -> str:
    """Returns the state of an alarm. Pure.

    Args:
        values: of the periods that are looked at, the newest first; None for one without data.
        state: the alarm's until now.
    """
    present = [rule.is_breaching(value) for value in values if value is not None][: rule.periods]
    lacking = rule.periods - len(present)
    if lacking and not present and rule.missing in ("missing", "ignore"):
        return UNKNOWN if rule.missing == "missing" else state
    filled = {"breaching": [True] * lacking, "notBreaching": [False] * lacking}.get(rule.missing, [])
    evaluated = [*present, *filled]
    return ALARM if sum(evaluated) >= min(rule.to_alarm, len(evaluated)) else OK


def read_rule(alarm: Mapping[str, Any]) -> Rule:
    """Raises KeyError for an alarm of a kind that isn't played: of metric math, or of a percentile."""
    periods = int(alarm["EvaluationPeriods"])
    return Rule(
        comparison=alarm["ComparisonOperator"],
        threshold=float(alarm["Threshold"]),
        periods=periods,
        to_alarm=int(alarm.get("DatapointsToAlarm") or periods),
        missing=alarm.get("TreatMissingData") or "missing",
    )


def evaluate_all(aws: Clients, at: datetime) -> dict[str, str]:
    """Evaluates every alarm of the region as of a moment, runs the actions of those that change, and returns the
    states by name. Alarms on what AWS measures itself are left alone, as they are."""
    states: dict[str, str] = {}
    for page in aws.cloudwatch.get_paginator("describe_alarms").paginate():
        for alarm in cast("list[Any]", page.get("MetricAlarms", [])):
            if not str(alarm.get("Namespace", "AWS/")).startswith("AWS/"):
                states[alarm["AlarmName"]] = evaluate(aws, alarm, at)
    return states


def read_state(alarm: Mapping[str, Any]) -> str:
    """Returns the state until now: a new alarm has none yet, where moto says OK."""
    unchecked = str(alarm.get("StateReason", "")).startswith("Unchecked")
    return UNKNOWN if unchecked else str(alarm.get("StateValue") or UNKNOWN)


def evaluate(aws: Clients, alarm: Mapping[str, Any], at: datetime) -> str:
    """Evaluates one alarm; returns its state."""
    rule, before = read_rule(alarm), read_state(alarm)
    values = read_values(aws, alarm, rule, at)
    state = decide(rule, values, before)
    if state != before:
        told = ", ".join("missing" if value is None else f"{value:g}" for value in values)
        reason = f"{rule.looked_at} periods, newest first: {told}; threshold {rule.threshold:g}"
        aws.cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=cast("Any", state), StateReason=reason)
        if alarm.get("ActionsEnabled", True):
            tell(aws, alarm, before, state, reason, at)
    return state


def read_values(aws: Clients, alarm: Mapping[str, Any], rule: Rule, at: datetime) -> list[float | None]:
    """Returns the statistic of each period that is looked at, the newest first."""
    length = timedelta(seconds=int(alarm["Period"]))
    end = at.replace(second=0, microsecond=0)
    return [_read_period(aws, alarm, end - (back + 1) * length, end - back * length) for back in range(rule.looked_at)]


def _read_period(aws: Clients, alarm: Mapping[str, Any], start: datetime, end: datetime) -> float | None:
    statistic = alarm["Statistic"]
    answer = aws.cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm.get("Dimensions", []),
        StartTime=start,
        EndTime=end,
        Period=int(alarm["Period"]),
        Statistics=[statistic],
    )
    points = [float(point[statistic]) for point in cast("list[Any]", answer.get("Datapoints", []))]
    whole: Callable[[list[float]], float] = {"Minimum": min, "Sum": sum}.get(statistic, max)
    return whole(points) if points else None


def tell(aws: Clients, alarm: Mapping[str, Any], before: str, state: str, reason: str, at: datetime) -> None:
    """Sends the message of a change, as CloudWatch words it, to the topics of the new state."""
    actions = {ALARM: "AlarmActions", OK: "OKActions", UNKNOWN: "InsufficientDataActions"}[state]
    message = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": before,
        "NewStateValue": state,
        "NewStateReason": reason,
        "StateChangeTime": at.isoformat(),
        "Region": aws.region,
        "Trigger": {name: alarm.get(name) for name in ("MetricName", "Namespace", "Period", "Threshold")},
    }
    for topic in alarm.get(actions, []):
        subject = f'{state}: "{alarm["AlarmName"]}" in {aws.region}'
        aws.sns.publish(TopicArn=topic, Subject=subject[:99], Message=json.dumps(message, default=str))
