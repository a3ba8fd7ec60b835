"""Whether the ways to people work, as far as they can be asked without a message."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from restore.aws import Aws, read_caller
from restore.aws.topics import read_subscribers
from restore.doctor.finding import Finding, build_ok, from_problem, note
from restore.errors import Problem
from restore.model.notify import NotifySettings
from restore.model.prevention import PreventionSettings
from restore.model.request import Settings
from restore.notify.channels import Sent, Slack
from restore.prevention.subscribers import find_unheard, name_topic
from restore.redaction import register_secret


def examine_messages(notify: NotifySettings) -> Iterator[Finding]:
    """Yields whether Slack takes the token (auth.test); PagerDuty's Events API and SNS have no question of that
    kind."""
    what = "messages"
    for token in notify.tokens:
        register_secret(token)
    if notify.slack_token:
        outcome = Slack(notify.slack_url.rstrip("/"), notify.slack_channel, notify.slack_token).check()
        if outcome.sent is Sent.YES:
            yield build_ok(
                f"{what} to Slack", "the token holds; whether the app is in the channel only a message tells"
            )
        else:
            fix = "pulumi config set --secret --path notify.slackToken <token>; python -m restore doctor"
            yield from_problem(Problem(f"{what} to Slack", outcome.detail, "a token that Slack takes", fix))
    if notify.pagerduty_key:
        yield note(f"{what} to PagerDuty", "an integration key can only be tried by an event")
    if notify.sns_topic:
        yield note(f"{what} to SNS", "a topic can only be tried by a message; the right is sns:Publish")


def examine_alarms(settings: Settings, prevention: PreventionSettings, aws: Aws) -> Iterator[Finding]:
    """Yields whether anybody hears the alarms of `prevention`. Raises PermanentError, TemporaryError where AWS doesn't
    say who asks."""
    topic = name_topic(settings, prevention, read_caller(aws))
    problems = list(find_unheard(topic, partial(read_subscribers, aws)))
    yield from map(from_problem, problems)
    if not problems:
        yield build_ok("alarms", f"somebody is subscribed to {topic}")
