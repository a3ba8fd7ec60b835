"""Whether anybody hears the alarms: who is subscribed to their topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from restore.errors import Problem, RestoreError
from restore.model.aws_account import Caller
from restore.model.prevention import SUBSCRIPTION, PreventionSettings, Subscribers, name_object
from restore.model.request import Settings

SUBJECT = "prevention topic"
NEEDED = "somebody who is subscribed to the alarms, and has confirmed it"
PAGE = 'docs/prevention.md, "Who hears the alarms"'

Read = Callable[[str], Subscribers | None]


def name_topic(settings: Settings, prevention: PreventionSettings, caller: Caller) -> str:
    """Returns the ARN of the topic of the alarms: the team's, or the one that the stack makes."""
    partition, name = caller.arn.split(":")[1], name_object(settings.stack, SUBSCRIPTION)
    return prevention.topic or f"arn:{partition}:sns:{settings.region}:{caller.account}:{name}"


def find_unheard(topic: str, read: Read) -> Iterator[Problem]:
    """Yields why an alarm would reach nobody; a topic that can't be asked may have subscribers, and is told."""
    subscribe = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint <address>"
    try:
        subscribers = read(topic)
    except RestoreError as error:
        found = error.problem.found if error.problem else " ".join(str(error).split())
        yield Problem(SUBJECT, f"{topic} could not be asked: {found}", NEEDED, PAGE)
        return
    if subscribers is None:
        yield Problem(SUBJECT, f"{topic} isn't there yet", NEEDED, f"pulumi up; {subscribe}; {PAGE}")
    elif not subscribers.confirmed and subscribers.pending:
        found = f"{subscribers.pending} subscriptions of {topic}, and none is confirmed"
        yield Problem(SUBJECT, found, NEEDED, PAGE)
    elif not subscribers.confirmed:
        yield Problem(SUBJECT, f"nobody is subscribed to {topic}", NEEDED, f"{subscribe}; {PAGE}")
