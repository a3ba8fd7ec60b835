"""Whom a restore tells what it does, and what people have to look after: the key `notify`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from restore.model.field_types import Section, Texts, refuse_unlike

LOOPBACK = r"http://(?:127\.0\.0\.1|localhost)(?::\d+)?"
WEB_ADDRESS = refuse_unlike(
    rf"(?:https://[^\s/?#@]+|{LOOPBACK})(?:/[^\s?#]*)?", "an address that begins with https://: a token is sent there"
)
TOKENS = ("slackToken", "pagerdutyKey")
"""The fields that must be secrets of Pulumi."""


@dataclass(frozen=True)
class NotifySettings(Section):
    """Where messages go, who must be told, and what outside the database must be reconciled."""

    slack_channel: Annotated[str, refuse_unlike(r"[CDG][A-Z0-9]{5,30}", "the id of a channel, such as C0123456789")] = (
        ""
    )
    """Id of the Slack channel; the messages of a restore are one thread there. Needs `slackToken`."""
    slack_token: Annotated[str, refuse_unlike(r"xox[a-z]?-\S+", "a bot token of Slack: xoxb-...")] = field(
        default="", repr=False
    )
    """Bot token of Slack with the scope chat:write; only as a secret."""
    slack_url: Annotated[str, WEB_ADDRESS] = "https://slack.com/api"
    """Slack's Web API; GovSlack has https://slack-gov.com/api."""
    pagerduty_key: Annotated[str, refuse_unlike(r"[A-Za-z0-9]{32}", "an integration key of 32 characters")] = field(
        default="", repr=False
    )
    """Integration key (Events API v2) of the PagerDuty service; only as a secret."""
    pagerduty_url: Annotated[str, WEB_ADDRESS] = "https://events.pagerduty.com"
    """PagerDuty's Events API; the EU service region has https://events.eu.pagerduty.com."""
    sns_topic: Annotated[
        str,
        refuse_unlike(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}", "the ARN of a standard topic"),
    ] = ""
    """ARN of an SNS topic; the operator needs sns:Publish on it."""
    tell: Texts = ()
    """Who must be told of every restore (engineering manager, CTO, product, support): the report ticks them off."""
    tell_on_breach: Texts = ()
    """Who must be told besides where `breach` is true (legal)."""
    reconcile: Texts = ()
    """What outside the database must be reconciled after a restore (caches, search, queues, payments)."""
    owner: str = ""
    """Team that pays for what a restore makes: tag restore:owner of instance and snapshot."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The values that nothing may show."""
        return tuple(token for token in (self.slack_token, self.pagerduty_key) if token)

    def list_told(self, *, breach: bool) -> tuple[str, ...]:
        """Returns who must be told of this restore."""
        return tuple(dict.fromkeys((*self.tell, *(self.tell_on_breach if breach else ()))))
