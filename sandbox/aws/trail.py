"""CloudTrail's history of the calls that changed something in RDS, as LookupEvents answers. A start forgets it."""

from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.aws import ACCOUNT

SOURCE = "rds.amazonaws.com"
TARGET = "LookupEvents"
MOST = 10_000
PAGE = 50
READS = ("Describe", "List", "Download")
HIDDEN = ("Password",)
"""CloudTrail masks parameters with secrets."""


class Trail:
    """The newest calls, kept in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST)

    def record(self, name: str, parameters: Mapping[str, str], key: str, region: str, error: str = "") -> None:
        """Keeps a call to RDS; one that only reads is left out, though CloudTrail has these too."""
        if name.startswith(READS):
            return
        now = datetime.now(UTC)
        asked = {
            f"{parameter[0].lower()}{parameter[1:]}": "****" if parameter.endswith(HIDDEN) else value
            for parameter, value in parameters.items()
            if parameter not in ("Action", "Version")
        }
        record = {
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": SOURCE,
            "eventName": name,
            "awsRegion": region,
            "userIdentity": {"accessKeyId": key, "accountId": ACCOUNT},
            "requestParameters": asked,
            **({"errorCode": error} if error else {}),
        }
        event: dict[str, Any] = {
            "EventId": str(uuid.uuid4()),
            "EventName": name,
            "ReadOnly": "false",
            "AccessKeyId": key,
            "Username": key,
            "EventTime": int(now.timestamp()),
            "EventSource": SOURCE,
            "Resources": [],
            "CloudTrailEvent": json.dumps(record),
        }
        with self._lock:
            self._events.appendleft(event)

    def look_up(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a page of events, newest first: by source, from a time to a time."""
        with self._lock:
            events = list(self._events)
        sources = {item["AttributeValue"] for item in asked.get("LookupAttributes", ())}
        since, until = asked.get("StartTime", 0), asked.get("EndTime", float("inf"))
        chosen = [
            event
            for event in events
            if since <= event["EventTime"] <= until and (not sources or event["EventSource"] in sources)
        ]
        start = int(asked.get("NextToken") or 0)
        end = start + int(asked.get("MaxResults") or PAGE)
        more = {"NextToken": str(end)} if end < len(chosen) else {}
        return {"Events": chosen[start:end], **more}
