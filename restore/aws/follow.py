"""Points what depends on an instance to another one: each change finds out for itself whether it is already done.

Nothing is changed that doesn't point to the former instance when it is looked at right before. Every change raises
PermanentError or TemporaryError where AWS refuses it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

from restore.aws.client import Aws, call_or_none, translate_errors
from restore.aws.dependents import DIMENSION, list_entries, read_dimensions, read_targets, watches
from restore.model.rds import Instance

GONE = frozenset({"ResourceNotFoundException"})
ALREADY = frozenset({"DBProxyTargetAlreadyRegisteredFault", "DBProxyTargetAlreadyRegistered"})
NO_TARGET = frozenset({"DBProxyTargetNotFoundFault"})


def point_alarm(aws: Aws, name: str, former: str, serving: str) -> bool:
    """Has an alarm watch another instance, in all else as it is; returns whether that was to be done."""
    client = aws.open_client("cloudwatch")
    with translate_errors("cloudwatch"):
        alarms = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    if not alarms or not watches(alarms[0], former):
        return False
    known = client.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    with translate_errors("cloudwatch"):
        client.put_metric_alarm(**build_repointed_alarm(alarms[0], known, former, serving))
    return True


def build_repointed_alarm(alarm: Mapping[str, Any], known: Any, former: str, serving: str) -> dict[str, Any]:
    """Returns an alarm's definition with the other instance as its dimension; what it has no value for is left out.
    Pure."""
    definition = copy.deepcopy(
        {key: value for key, value in alarm.items() if key in known and value not in (None, [], "")}
    )
    for dimensions in read_dimensions(definition):
        for item in dimensions:
            if (item.get("Name"), item.get("Value")) == (DIMENSION, former):
                item["Value"] = serving
    return definition


def point_proxy(aws: Aws, name: str, former: str, serving: str) -> bool:
    """Gives a proxy another instance; it can have one at a time. Killed in between it has none, and gets the other."""
    client, targets = aws.open_client("rds"), read_targets(aws, name)
    if targets not in ([former], []):
        return False
    if targets:
        leave = client.deregister_db_proxy_targets
        call_or_none("rds", lambda: leave(DBProxyName=name, DBInstanceIdentifiers=[former]), NO_TARGET)
    register = client.register_db_proxy_targets
    call_or_none("rds", lambda: register(DBProxyName=name, DBInstanceIdentifiers=[serving]), ALREADY)
    return True


def point_event_subscription(aws: Aws, name: str, former: str, serving: str) -> bool:
    """Has an event subscription tell of another instance: that is added before the former one is taken away."""
    client = aws.open_client("rds")
    with translate_errors("rds"):
        (subscription,) = client.describe_event_subscriptions(SubscriptionName=name)["EventSubscriptionsList"]
        if former not in subscription.get("SourceIdsList", []):
            return False
        client.add_source_identifier_to_subscription(SubscriptionName=name, SourceIdentifier=serving)
        client.remove_source_identifier_from_subscription(SubscriptionName=name, SourceIdentifier=former)
    return True


def add_selection(aws: Aws, plan: str, role: str, name: str, instance: Instance) -> bool:
    """Adds a selection of one instance to a backup plan, with the role of the one that has the former instance."""
    if _list_own_selections(aws, plan, name, instance.arn):
        return False
    selection = {"SelectionName": name, "IamRoleArn": role, "Resources": [instance.arn]}
    with translate_errors("backup"):
        aws.open_client("backup").create_backup_selection(
            BackupPlanId=plan, BackupSelection=selection, CreatorRequestId=f"{name}-{instance.resource_id}"
        )
    return True


def remove_selection(aws: Aws, plan: str, name: str, instance: Instance) -> bool:
    """Takes such a selection away; no other one has this name and this instance alone."""
    own = _list_own_selections(aws, plan, name, instance.arn)
    remove = aws.open_client("backup").delete_backup_selection
    for selection in own:
        with translate_errors("backup"):
            remove(BackupPlanId=plan, SelectionId=selection)
    return bool(own)


def _list_own_selections(aws: Aws, plan: str, name: str, arn: str) -> list[str]:
    client = aws.open_client("backup")
    own: list[str] = []
    for member in list_entries(aws, "backup", "list_backup_selections", "BackupSelectionsList", BackupPlanId=plan):
        if member.get("SelectionName") == name:
            selection = str(member["SelectionId"])
            read = partial(client.get_backup_selection, BackupPlanId=plan, SelectionId=selection)
            answer = call_or_none("backup", read, GONE)
            if answer and answer["BackupSelection"].get("Resources") == [arn]:
                own.append(selection)
    return own
