"""Sends one message through one channel. Every outcome is a value: nothing here raises for what a vendor does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from restore.aws import Aws
from restore.errors import RestoreError
from restore.model.notify import NotifySettings
from restore.notify.messages import Message, build_pagerduty, build_slack, build_sns
from restore.notify.transitions import Sent, find_thread
from restore.redaction import redact
from restore.report.untrusted import EvidenceRecord, escape_controls, format_text, parse_mapping

ANSWER_SECONDS = 3.0
MOST = 64 << 10
"""Bytes of an answer that are read."""


@dataclass(frozen=True)
class Outcome:
    """What became of a message. `facts` go into the evidence."""

    sent: Sent
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Answer:
    """A vendor's answer; status 0: there was none, and `reason` says why."""

    status: int
    body: EvidenceRecord = field(default_factory=dict[str, Any])
    reason: str = ""
    asked: bool = True
    """Whether the request may have arrived."""


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str: ...

    @property
    def repeatable(self) -> bool:
        """Whether the vendor drops a message that it has had."""
        ...

    def send(self, message: Message, evidence: Sequence[EvidenceRecord]) -> Outcome: ...


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the address that is configured, and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def post_json(url: str, body: Mapping[str, Any], token: str = "") -> Answer:
    """Posts JSON and returns the answer; waits at most 3 s for each part of it."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
    try:
        with _opener.open(request, timeout=ANSWER_SECONDS) as response:
            return Answer(response.status, _parse(response.read(MOST)))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _parse(error.read(MOST)), format_text(error.reason))
    except urllib.error.URLError as error:
        return Answer(0, reason=format_text(str(error.reason)), asked=isinstance(error.reason, TimeoutError))
    except (OSError, ValueError) as error:
        return Answer(0, reason=format_text(f"{type(error).__name__}: {error}"))


def _parse(content: bytes) -> EvidenceRecord:
    try:
        return parse_mapping(json.loads(content))
    except ValueError:
        return {}


def judge(answer: Answer, *, accepted: bool, reason: str) -> Outcome:
    """Returns the outcome of an HTTP answer. A server's error after the request is as unknown as silence."""
    detail = redact(escape_controls(reason or answer.reason or f"HTTP {answer.status}"))[:300]
    if accepted:
        return Outcome(Sent.YES)
    if answer.status >= 500 or (answer.status == 0 and answer.asked):
        return Outcome(Sent.UNKNOWN, detail)
    return Outcome(Sent.NO, detail)


@dataclass(frozen=True)
class Slack:
    """chat.postMessage of Slack's Web API; it answers 200 with `ok: false` where it refuses."""

    url: str
    channel: str
    token: str = field(repr=False)
    name: str = "slack"
    repeatable: bool = False

    def send(self, message: Message, evidence: Sequence[EvidenceRecord]) -> Outcome:
        """Sends it into the thread of this restore; the first message begins one."""
        thread = find_thread(evidence, self.channel)
        answer = post_json(f"{self.url}/chat.postMessage", build_slack(message, self.channel, thread), self.token)
        outcome = judge(answer, accepted=answer.body.get("ok") is True, reason=format_text(answer.body.get("error")))
        if outcome.sent is not Sent.YES:
            return outcome
        return replace(outcome, facts={"channel": self.channel, "ts": thread or format_text(answer.body.get("ts"))})

    def check(self) -> Outcome:
        """Asks Slack whether the token holds (auth.test); posts nothing."""
        answer = post_json(f"{self.url}/auth.test", {}, self.token)
        return judge(answer, accepted=answer.body.get("ok") is True, reason=format_text(answer.body.get("error")))


@dataclass(frozen=True)
class PagerDuty:
    """The Events API v2, which joins events of one dedup_key."""

    url: str
    routing_key: str = field(repr=False)
    name: str = "pagerduty"
    repeatable: bool = True

    def send(self, message: Message, evidence: Sequence[EvidenceRecord]) -> Outcome:  # noqa: ARG002
        """Sends the event; 202 is the only acceptance."""
        answer = post_json(f"{self.url}/v2/enqueue", build_pagerduty(message, self.routing_key))
        errors = format_text(answer.body.get("errors")) or format_text(answer.body.get("message"))
        return judge(answer, accepted=answer.status == 202, reason=errors)


@dataclass(frozen=True)
class Sns:
    """An SNS topic, asked in its own region."""

    aws: Aws
    topic: str
    name: str = "sns"
    repeatable: bool = False

    def send(self, message: Message, evidence: Sequence[EvidenceRecord]) -> Outcome:  # noqa: ARG002
        """Publishes the message."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            client = replace(self.aws, region=self.topic.split(":")[3]).open_client("sns")
            client.publish(TopicArn=self.topic, **build_sns(message))
        except ClientError as error:
            code = format_text(parse_mapping(error.response.get("Error")).get("Code"))
            return Outcome(Sent.NO, f"SNS answers {code}")
        except RestoreError as error:
            return Outcome(Sent.NO, redact(format_text(str(error)))[:300])
        except BotoCoreError as error:
            return Outcome(Sent.UNKNOWN, redact(format_text(str(error)))[:300])
        return Outcome(Sent.YES)


def list_channels(notify: NotifySettings, aws: Aws) -> tuple[Channel, ...]:
    """Returns the channels that are configured; making them asks nothing."""
    channels: list[Channel] = []
    if notify.slack_token:
        channels.append(Slack(notify.slack_url.rstrip("/"), notify.slack_channel, notify.slack_token))
    if notify.pagerduty_key:
        channels.append(PagerDuty(notify.pagerduty_url.rstrip("/"), notify.pagerduty_key))
    if notify.sns_topic:
        channels.append(Sns(aws, notify.sns_topic))
    return tuple(channels)
