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
POST_MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["channel", "text"],
    "additionalProperties": False,
    "properties": {
        "channel": {"type": "string", "minLength": 1},
        "text": {"type": "string", "minLength": 1, "maxLength": 40_000},
        "thread_ts": {"type": "string", "pattern": r"^\d{10}\.\d{6}$"},
        "mrkdwn": {"type": "boolean"},
        "parse": {"enum": ["none", "full"]},
        "link_names": {"type": "boolean"},
        "unfurl_links": {"type": "boolean"},
        "unfurl_media": {"type": "boolean"},
    },
}
"""Arguments of chat.postMessage (docs.slack.dev, "chat.postMessage")."""
EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "maxLength": 255},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "component": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}
"""An event (PagerDuty developer documentation, "Send an Alert Event", Events API v2)."""
VALIDATOR: Any = jsonschema.Draft202012Validator(EVENT)


class Vendors(ThreadingHTTPServer):
    """Both vendors on one port of loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.slack: list[dict[str, Any]] = []
        self.pagerduty: list[dict[str, Any]] = []
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
        jsonschema.validate(body, POST_MESSAGE)
        if self.server.refuse or self.headers["Authorization"] != f"Bearer {TOKEN}":
            return 200, {"ok": False, "error": self.server.refuse or "invalid_auth"}
        self.server.slack.append(body)
        return 200, {"ok": True, "channel": body["channel"], "ts": f"1700000000.{len(self.server.slack):06}"}

    def enqueue(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        faults = [error.message for error in VALIDATOR.iter_errors(body)]
        if faults:
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
