"""Stub servers of Slack's Web API and PagerDuty's Events API, which refuse what the vendors' schemas refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema

TOKEN = "xoxb-1-secret-token"
KEY = "k" * 32
SLACK_CHARACTERS = 4000
EVENT_BYTES = 512 * 1024
POST_MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["channel", "text"],
    "additionalProperties": False,
    "properties": {
        "channel": {"type": "string", "pattern": r"^[CDG][A-Z0-9]+$"},
        "text": {"type": "string", "minLength": 1, "maxLength": SLACK_CHARACTERS},
        "thread_ts": {"type": "string", "pattern": r"^\d{10}\.\d{6}$"},
        "reply_broadcast": {"type": "boolean"},
        "mrkdwn": {"type": "boolean"},
        "parse": {"enum": ["none", "full"]},
        "link_names": {"type": "boolean"},
        "unfurl_links": {"type": "boolean"},
        "unfurl_media": {"type": "boolean"},
    },
}
"""What of chat.postMessage's arguments a message of text alone has (https://docs.slack.dev/reference/methods/chat.postMessage;
names and types: slackapi/slack-api-specs, web-api/slack_web_openapi_v2.json).

Slack cuts a text of more than 40,000 characters off, and splits one of more than 4,000 into several messages
(https://docs.slack.dev/changelog/2018-truncating-really-long-messages): both would lose the thread's order, so the stub
refuses them. Blocks (50 a message, 3,000 characters in the text of a section) are not sent, and are unknown here.
"""
EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": {"type": "string"},
        "client_url": {"type": "string", "format": "uri"},
        "links": {"type": "array", "items": {"type": "object", "required": ["href"]}},
        "images": {"type": "array", "items": {"type": "object", "required": ["src"]}},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string", "format": "date-time"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}
"""An event of the Events API v2 (PagerDuty/api-schema, reference/events-v2/openapiv3.json: fields, what is required,
the enumerations; PagerDuty/developer-docs, docs/events-API-v2/02-Trigger-Events.md: 32, 255 and 1,024 characters;
01-Overview.md, "Size Limits": 512 KB)."""
MESSAGE_VALIDATOR: Any = jsonschema.Draft202012Validator(POST_MESSAGE)
EVENT_VALIDATOR: Any = jsonschema.Draft202012Validator(EVENT)


def find_message_faults(body: object) -> list[str]:
    """What Slack's documentation forbids in arguments of chat.postMessage."""
    return [error.message[:200] for error in MESSAGE_VALIDATOR.iter_errors(body)]


def find_event_faults(body: object) -> list[str]:
    """What PagerDuty's documentation forbids in an event."""
    faults = [error.message[:200] for error in EVENT_VALIDATOR.iter_errors(body)]
    size = len(json.dumps(body).encode())
    return [*faults, f"{size} bytes"] if size > EVENT_BYTES else faults


class Vendors(ThreadingHTTPServer):
    """Both vendors on one port of loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.slack: list[dict[str, Any]] = []
        self.pagerduty: list[dict[str, Any]] = []
        self.faults: list[str] = []
        """What was refused, and why."""
        self.silent = threading.Event()
        """Set: nobody answers until `release` is."""
        self.release = threading.Event()
        self.refuse = ""
        """Slack's error, in place of acceptance."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Vendors  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.silent.is_set():
            self.server.release.wait(30)
            return
        answers = {"/v2/enqueue": self.enqueue, "/chat.postMessage": self.post_message, "/auth.test": self.test}
        status, answer = answers[self.path](body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def test(self, _body: object) -> tuple[int, dict[str, Any]]:
        known = self.headers["Authorization"] == f"Bearer {TOKEN}"
        return 200, {"ok": True} if known else {"ok": False, "error": "invalid_auth"}

    def post_message(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if faults := find_message_faults(body):
            self.server.faults += faults
            return 200, {"ok": False, "error": "invalid_arguments"}
        if self.server.refuse or self.headers["Authorization"] != f"Bearer {TOKEN}":
            return 200, {"ok": False, "error": self.server.refuse or "invalid_auth"}
        self.server.slack.append(body)
        return 200, {"ok": True, "channel": body["channel"], "ts": f"1700000000.{len(self.server.slack):06}"}

    def enqueue(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if faults := find_event_faults(body):
            self.server.faults += faults
            return 400, {"status": "invalid event", "message": "Event object is invalid", "errors": faults}
        self.server.pagerduty.append(body)
        return 202, {"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def serving() -> Generator[Vendors]:
    """Yields the running servers, and ends them."""
    vendors = Vendors()
    thread = threading.Thread(target=vendors.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield vendors
    finally:
        vendors.release.set()
        vendors.shutdown()
        thread.join()
        vendors.server_close()
