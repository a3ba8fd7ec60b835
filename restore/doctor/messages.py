"""Whether the ways to people work, as far as they can be asked without a message."""

from __future__ import annotations

from collections.abc import Iterator

from restore.doctor.finding import Finding, build_ok, from_problem, note
from restore.errors import Problem
from restore.model.notify import NotifySettings
from restore.notify.channels import Sent, Slack
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
