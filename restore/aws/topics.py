"""SNS: who is subscribed to a topic."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from restore.aws.client import Aws, call_or_none
from restore.model.identifiers import read_region
from restore.model.prevention import Subscribers

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

NO_TOPIC = frozenset({"NotFound", "NotFoundException"})
CONFIRMED, PENDING = "arn:", "PendingConfirmation"
"""What stands for a subscription's ARN (Amazon SNS API reference, Subscribe: "pending confirmation")."""


def read_subscribers(aws: Aws, topic: str) -> Subscribers | None:
    """Returns how many are subscribed to a topic, asked in its own region; None where there is no such topic. Raises
    PermanentError, TemporaryError."""
    client = cast("SNSClient", replace(aws, region=read_region(topic) or aws.region).open_client("sns"))
    pages = client.get_paginator("list_subscriptions_by_topic")
    listed = call_or_none("sns", lambda: list(pages.paginate(TopicArn=topic)), NO_TOPIC)
    if listed is None:
        return None
    arns = [str(item.get("SubscriptionArn")) for page in listed for item in page["Subscriptions"]]
    return Subscribers(sum(arn.startswith(CONFIRMED) for arn in arns), arns.count(PENDING))
