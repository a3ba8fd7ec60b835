"""An alarm that nobody hears is told on a quiet day."""

from __future__ import annotations

import pytest

from restore.errors import PermanentError
from restore.model.aws_account import Caller
from restore.model.prevention import PreventionSettings, Subscribers
from restore.prevention.subscribers import find_unheard, name_topic
from tests.support import worlds as w

TOPIC = "arn:aws:sns:us-east-1:123456789012:restore-backups-prod"
CALLER = Caller("123456789012", "arn:aws-cn:sts::123456789012:assumed-role/restore-operator/on-call")


@pytest.mark.parametrize(
    ("subscribers", "told"),
    [
        (Subscribers(1, 1), None),
        (Subscribers(0, 2), "2 subscriptions"),
        (Subscribers(0, 0), "nobody is subscribed"),
        (None, "isn't there yet"),
    ],
)
def test_who_has_not_confirmed_hears_nothing(subscribers: Subscribers | None, told: str | None) -> None:
    found = [problem.found for problem in find_unheard(TOPIC, lambda _: subscribers)]
    assert len(found) == (told is not None)
    assert told is None or told in found[0]


def test_a_topic_that_may_not_be_asked_is_not_taken_for_one_that_is_heard() -> None:
    def refuse(_: str) -> Subscribers | None:
        raise PermanentError("AuthorizationError: sns:ListSubscriptionsByTopic")

    (problem,) = find_unheard(TOPIC, refuse)
    assert "could not be asked" in problem.found
    assert "AuthorizationError" in problem.found


def test_the_topic_is_the_team_s_or_the_one_that_the_stack_makes_in_its_own_partition() -> None:
    site = w.settings(None)
    own = name_topic(site, PreventionSettings(), CALLER)
    assert own == f"arn:aws-cn:sns:{site.region}:123456789012:restore-backups-prod"
    assert name_topic(site, PreventionSettings(topic=TOPIC), CALLER) == TOPIC
