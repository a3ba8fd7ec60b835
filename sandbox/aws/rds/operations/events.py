"""Events, and the subscriptions that send them to SNS."""

from __future__ import annotations

from datetime import datetime, timedelta

from sandbox.aws import ACCOUNT
from sandbox.aws.errors import AwsError
from sandbox.aws.query_protocol import Shape
from sandbox.aws.rds.operations.registry import filtered, operation
from sandbox.aws.rds.service.region import EVENT_LIFE, Rds, now

CATEGORIES = {
    "db-instance": (
        "availability", "backup", "configuration change", "creation", "deletion", "failover", "failure", "low storage",
        "maintenance", "notification", "read replica", "recovery", "restoration", "security", "security patching",
    ),
    "db-snapshot": ("creation", "deletion", "notification", "restoration"),
    "db-parameter-group": ("configuration change",),
    "db-security-group": ("configuration change", "failure"),
}  # fmt: skip


@operation("SourceIdentifier SourceType StartTime EndTime Duration EventCategories Filters")
def describe_events(rds: Rds, p: Shape) -> Shape:
    if p.get("SourceIdentifier") and not p.get("SourceType"):
        raise AwsError("InvalidParameterCombination", "Cannot specify a source identifier without a source type.")
    since, until = period(p)
    events = [
        e
        for e in rds.state.events
        if since <= e["Date"] <= until
        and p.get("SourceType") in (None, e["SourceType"])
        and p.get("SourceIdentifier") in (None, e["SourceIdentifier"])
        and (not p.get("EventCategories") or set(p["EventCategories"]) & set(e["EventCategories"]))
    ]
    return {"Events": filtered(events, p.get("Filters", []), {})}


def period(p: Shape) -> tuple[datetime, datetime]:
    """The hour before, unless asked otherwise."""
    until: datetime = p.get("EndTime") or now()
    since: datetime = p.get("StartTime") or until - timedelta(minutes=int(p.get("Duration", 60)))
    return max(since, now() - EVENT_LIFE), until


@operation("SourceType Filters")
def describe_event_categories(rds: Rds, p: Shape) -> Shape:  # noqa: ARG001 - the signature of all operations
    categories = [
        {"SourceType": k, "EventCategories": list(v)} for k, v in CATEGORIES.items() if p.get("SourceType") in (None, k)
    ]
    return {"EventCategoriesMapList": filtered(categories, p.get("Filters", []), {})}


@operation("SubscriptionName SnsTopicArn SourceType EventCategories SourceIds Enabled Tags")
def create_event_subscription(rds: Rds, p: Shape) -> Shape:
    name = p["SubscriptionName"]
    if name in rds.state.subscriptions:
        raise AwsError("SubscriptionAlreadyExist", f"Subscription {name} already exists.")
    if not rds.shared.services.topic_exists(rds.region, p["SnsTopicArn"]):
        raise AwsError("SNSTopicArnNotFound", f"SNS topic {p['SnsTopicArn']} does not exist.")
    shape: Shape = {
        "CustomerAwsId": ACCOUNT,
        "CustSubscriptionId": name,
        "SnsTopicArn": p["SnsTopicArn"],
        "Status": "active",
        "SubscriptionCreationTime": f"{now():%Y-%m-%d %H:%M:%S}.000",
        "SourceType": p.get("SourceType"),
        "SourceIdsList": p.get("SourceIds", []),
        "EventCategoriesList": p.get("EventCategories", []),
        "Enabled": p.get("Enabled", True),
        "EventSubscriptionArn": rds.arn("es", name),
    }
    rds.state.subscriptions[name] = shape
    rds.state.tags[shape["EventSubscriptionArn"]] = p.get("Tags", [])
    return {"EventSubscription": shape}


def subscription(rds: Rds, name: str) -> Shape:
    if name not in rds.state.subscriptions:
        raise AwsError("SubscriptionNotFound", f"Subscription {name} does not exist.")
    return rds.state.subscriptions[name]


@operation("SubscriptionName Filters")
def describe_event_subscriptions(rds: Rds, p: Shape) -> Shape:
    name = p.get("SubscriptionName")
    subscriptions = [subscription(rds, name)] if name else list(rds.state.subscriptions.values())
    return {"EventSubscriptionsList": filtered(subscriptions, p.get("Filters", []), {})}


@operation("SubscriptionName SnsTopicArn SourceType EventCategories Enabled")
def modify_event_subscription(rds: Rds, p: Shape) -> Shape:
    shape = subscription(rds, p["SubscriptionName"])
    names = {
        "SnsTopicArn": "SnsTopicArn",
        "SourceType": "SourceType",
        "EventCategories": "EventCategoriesList",
        "Enabled": "Enabled",
    }
    shape |= {names[key]: value for key, value in p.items() if key in names}
    return {"EventSubscription": shape}


@operation("SubscriptionName SourceIdentifier")
def add_source_identifier_to_subscription(rds: Rds, p: Shape) -> Shape:
    shape = subscription(rds, p["SubscriptionName"])
    shape["SourceIdsList"] = sorted({*shape["SourceIdsList"], p["SourceIdentifier"]})
    return {"EventSubscription": shape}


@operation("SubscriptionName SourceIdentifier")
def remove_source_identifier_from_subscription(rds: Rds, p: Shape) -> Shape:
    shape = subscription(rds, p["SubscriptionName"])
    shape["SourceIdsList"] = [s for s in shape["SourceIdsList"] if s != p["SourceIdentifier"]]
    return {"EventSubscription": shape}


@operation("SubscriptionName")
def delete_event_subscription(rds: Rds, p: Shape) -> Shape:
    shape = subscription(rds, p["SubscriptionName"])
    del rds.state.subscriptions[p["SubscriptionName"]]
    rds.state.tags.pop(shape["EventSubscriptionArn"], None)
    return {"EventSubscription": {**shape, "Status": "deleting"}}
