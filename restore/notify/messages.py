"""What people read: the fields of the runbook's notification, within each vendor's limits. Pure.

Limits: Slack, "chat.postMessage" (a text of more than 4,000 characters becomes several messages, of more than 40,000 it
is cut off; &, < and > are escaped); PagerDuty, "Send an Alert Event" (summary 1,024 characters, dedup_key 255) and
"Events API v2 Overview" (an event 512 KB); Amazon SNS API, "Publish" (subject: fewer than 100 ASCII characters without
control characters; message 262,144 bytes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from restore.model.gates import Move, determine_move
from restore.model.planned import Plan
from restore.model.request import Request, Settings
from restore.notify.transitions import Event, Transition
from restore.redaction import redact
from restore.report.untrusted import escape_controls

SLACK_LONGEST, SUMMARY_LONGEST, DEDUP_LONGEST, SUBJECT_LONGEST = 3900, 1024, 255, 99
VALUE_LONGEST = 350
"""Characters of one field, so that a Slack message has room for every field: a detail may hold a name that a database
made up, and a reason is as long as somebody wrote it."""
TITLES = {
    Event.OPENED: "Database restore in progress",
    Event.FROZEN: "Applications are stopped",
    Event.RESTORED: "The restored database is there",
    Event.VALIDATED: "The restored data is validated",
    Event.FAILED: "Database restore: a gate is shut",
    Event.SWITCHED: "Applications use the restored database",
    Event.GOING_BACK: "Applications go back to the source",
    Event.RETURNED: "Applications use the source again",
    Event.OVER: "Database restore is over",
}
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""What Slack wants escaped in a text (docs.slack.dev, "Formatting message text")."""
TRIGGERS = (Event.OPENED, Event.FAILED)
UNFINISHED = (Event.OPENED, Event.FROZEN, Event.RESTORED)
"""The events after which the restored database is still waited for."""


@dataclass(frozen=True)
class Message:
    """One message, before a vendor's format."""

    event: Event
    stack: str
    restore_id: str
    source: str
    title: str
    fields: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        return "\n".join((self.title, *(f"{name}: {value}" for name, value in self.fields)))


def compose(settings: Settings, request: Request, plan: Plan | None, transition: Transition) -> Message:
    """Returns the message with the fields that are known; no known secret and no control character is in it."""
    event = transition.event
    values = {
        "Environment": f"{settings.stack}, database {settings.source} in {settings.region}",
        "Restore": f"{request.id}, from {request.recovery_point}",
        "Incident": request.incident or "",
        "Issue": request.reason or "not said (config key reason)",
        "Affected data": request.affected or "",
        "ETA": f"{plan.expected}; from the start of the restore" if plan and event in UNFINISHED else "",
        "Impact": _describe_impact(plan, event),
        "State": transition.detail,
        "Opened by": request.opened_by or "",
        "Point of contact": request.contact or request.opened_by or "not said (config key contact)",
    }
    fields = tuple((name, _make_safe(value)) for name, value in values.items() if value)
    return Message(event, settings.stack, request.id, settings.source, TITLES[event], fields)


def _describe_impact(plan: Plan | None, event: Event) -> str:
    """Returns whether the service is down, and which applications."""
    if event in (Event.SWITCHED, Event.RETURNED, Event.OVER):
        return "service is up"
    if plan is None:
        return ""
    if determine_move(plan) is Move.NONE:
        return "no downtime expected: the applications go on using the source"
    apps = ", ".join(app.name for app in plan.apps) or "the applications"
    return f"downtime: {apps} stopped until traffic moves on"


def _make_safe(value: str) -> str:
    return _shorten(redact(escape_controls(value)), VALUE_LONGEST)


def _shorten(value: str, longest: int) -> str:
    return value if len(value) <= longest else f"{value[: longest - 3]}..."


def build_slack(message: Message, channel: str, thread: str) -> dict[str, Any]:
    """Returns the arguments of chat.postMessage. Nothing in the text is markup, a mention or a link: names in it may
    be hostile."""
    text = _escape(message.text, SLACK_LONGEST)
    body: dict[str, Any] = {
        "channel": channel,
        "text": text,
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return body | ({"thread_ts": thread} if thread else {})


def _escape(value: str, longest: int) -> str:
    """Returns the text as Slack wants it, no longer than that; no entity is cut."""
    pieces, left = list[str](), longest - 3
    for character in value:
        piece = ENTITIES.get(character, character)
        left -= len(piece)
        if left < 0:
            return "".join([*pieces, "..."])
        pieces.append(piece)
    return "".join(pieces)


def build_pagerduty(message: Message, routing_key: str) -> dict[str, Any]:
    """Returns an event of the Events API v2: all of a restore belong to one alert, which the end resolves."""
    action = "resolve" if message.event is Event.OVER else "trigger" if message.event in TRIGGERS else "acknowledge"
    headline = f"{message.title}: {message.stack}, restore {message.restore_id}"
    details = dict(message.fields)
    if state := details.get("State"):
        headline = f"{headline}: {state}"
    return {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"restore-{message.stack}-{message.restore_id}"[:DEDUP_LONGEST],
        "payload": {
            "summary": _shorten(headline, SUMMARY_LONGEST),
            "source": message.source,
            "severity": "critical" if message.event is Event.FAILED else "warning",
            "component": "database",
            "custom_details": details,
        },
    }


def build_sns(message: Message) -> dict[str, str]:
    """Returns subject and message of SNS's Publish."""
    subject = f"{message.title}: {message.stack}, restore {message.restore_id}"
    ascii_only = subject.encode("ascii", "replace").decode()
    return {"Subject": _shorten(ascii_only, SUBJECT_LONGEST), "Message": message.text}
