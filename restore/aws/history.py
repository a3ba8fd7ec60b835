"""What AWS keeps of an instance's past: its log files, RDS's events, CloudTrail's management events, its parameters.

Every read is bounded and raises PermanentError or TemporaryError; a denied one must not be taken for "nothing".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from restore.aws.client import Aws, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient

EVENT_LIFE = timedelta(days=14)
"""RDS keeps events so long (API reference of DescribeEvents)."""
TRAIL_LIFE = timedelta(days=90)
"""CloudTrail's event history (API reference of LookupEvents)."""
MOST_EVENTS = 5000
MOST_TRAIL_EVENTS = 1000
"""LookupEvents answers 50 at a time, twice a second."""
MOST_PORTIONS = 2000
"""RDS answers up to 1 MB at a time (API reference of DownloadDBLogFilePortion)."""
MOST_REST = 1024 * 1024
"""Characters of a line that ends in a later portion."""
TRUNCATED = "[Your log message was truncated]"
"""What RDS puts in place of lines that don't fit into an answer (AWS CLI reference, download-db-log-file-portion)."""


@dataclass(frozen=True)
class LogFile:
    """A log file of an instance; `size` in bytes."""

    name: str
    written: datetime
    size: int


@dataclass(frozen=True)
class RdsEvent:
    """What RDS did to an instance, in its own words."""

    at: datetime
    source: str
    message: str


@dataclass(frozen=True)
class TrailEvent:
    """A call to RDS's API that changed something, and who made it."""

    at: datetime
    name: str
    by: str
    resources: tuple[str, ...]
    error: str = ""
    """The code of AWS's refusal."""


@dataclass(frozen=True)
class Listed:
    """Entries of a listing; `complete` is False where there were more than are read."""

    trail: tuple[TrailEvent, ...]
    complete: bool


def list_log_files(aws: Aws, identifier: str, since: datetime) -> tuple[LogFile, ...]:
    """Lists the files written to since then, oldest first (rds:DescribeDBLogFiles)."""
    with translate_errors("rds"):
        pages = _open_rds_client(aws).get_paginator("describe_db_log_files")
        answers = pages.paginate(DBInstanceIdentifier=identifier, FileLastWritten=int(since.timestamp() * 1000))
        items = list(islice((item for page in answers for item in page["DescribeDBLogFiles"]), MOST_EVENTS))
    files = (
        LogFile(
            str(item.get("LogFileName", "")),
            datetime.fromtimestamp(int(item.get("LastWritten", 0)) / 1000, since.tzinfo),
            int(item.get("Size", 0)),
        )
        for item in items
    )
    return tuple(sorted(files, key=lambda file: (file.written, file.name)))


def read_log_file(aws: Aws, identifier: str, name: str) -> Iterator[str]:
    """Yields the lines of a file from its beginning (rds:DownloadDBLogFilePortion). Lines end at line feeds alone:
    any other character that breaks lines may stand in a statement."""
    marker, rest = "0", ""
    for _ in range(MOST_PORTIONS):
        with translate_errors("rds"):
            answer = _open_rds_client(aws).download_db_log_file_portion(
                DBInstanceIdentifier=identifier, LogFileName=name, Marker=marker
            )
        *lines, rest = (rest + (answer.get("LogFileData") or "")).split("\n")
        yield from lines
        rest = rest[-MOST_REST:]
        following = answer.get("Marker") or marker
        if not answer.get("AdditionalDataPending") or following == marker:
            break
        marker = following
    if rest:
        yield rest


def read_parameters(aws: Aws, group: str, names: Sequence[str]) -> dict[str, str]:
    """Reads those parameters of a group that have a value (rds:DescribeDBParameters)."""
    with translate_errors("rds"):
        pages = _open_rds_client(aws).get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group)
        listed = [item for page in pages for item in page["Parameters"]]
    values = {str(item.get("ParameterName")): str(item.get("ParameterValue") or "") for item in listed}
    return {name: values[name] for name in names if values.get(name)}


def read_events(aws: Aws, identifier: str, since: datetime, until: datetime) -> tuple[RdsEvent, ...]:
    """Reads RDS's events of an instance, but those of backups (rds:DescribeEvents); `since` must not be before
    EVENT_LIFE ago."""
    with translate_errors("rds"):
        pages = _open_rds_client(aws).get_paginator("describe_events").paginate(
            SourceIdentifier=identifier, SourceType="db-instance", StartTime=since, EndTime=until
        )  # fmt: skip
        items = list(islice((item for page in pages for item in page["Events"]), MOST_EVENTS))
    return tuple(
        RdsEvent(item["Date"], str(item.get("SourceIdentifier", "")), str(item.get("Message", "")))
        for item in items
        if "Date" in item and not is_routine(item.get("EventCategories") or ())
    )


def is_routine(categories: Sequence[str]) -> bool:
    """Tells whether an event is of category backup alone, which changes no data (RDS User Guide, "Amazon RDS event
    categories and event messages"). Pure."""
    return set(categories) == {"backup"}


def look_up_calls(aws: Aws, since: datetime, until: datetime) -> Listed:
    """Reads the calls to RDS that changed something (cloudtrail:LookupEvents), newest first."""
    with translate_errors("cloudtrail"):
        pages = aws.open_client("cloudtrail").get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "rds.amazonaws.com"}],
            StartTime=since,
            EndTime=until,
        )  # fmt: skip
        items = list(islice((item for page in pages for item in page.get("Events", ())), MOST_TRAIL_EVENTS + 1))
    calls = (parse_call(item) for item in items[:MOST_TRAIL_EVENTS] if str(item.get("ReadOnly", "")).lower() != "true")
    return Listed(tuple(call for call in calls if call), len(items) <= MOST_TRAIL_EVENTS)


def parse_call(item: Mapping[str, Any]) -> TrailEvent | None:
    """Returns an event of CloudTrail, None for one without a time. Pure; fields of the record may be missing."""
    if not isinstance(item.get("EventTime"), datetime):
        return None
    record = _parse_record(item.get("CloudTrailEvent"))
    identity = _parse_mapping(record.get("userIdentity"))
    by = identity.get("arn") or identity.get("invokedBy") or item.get("Username") or "unknown"
    named = [str(_parse_mapping(resource).get("ResourceName", "")) for resource in item.get("Resources") or ()]
    asked = _parse_mapping(record.get("requestParameters"))
    named += [str(value) for key, value in asked.items() if key.lower().endswith(("identifier", "arn"))]
    return TrailEvent(
        item["EventTime"],
        str(item.get("EventName", "")),
        str(by),
        tuple(dict.fromkeys(name for name in named if name)),
        str(record.get("errorCode") or ""),
    )


def _parse_record(text: object) -> Mapping[str, Any]:
    try:
        return _parse_mapping(json.loads(text)) if isinstance(text, str) else {}
    except ValueError:
        return {}


def _parse_mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _open_rds_client(aws: Aws) -> RDSClient:
    return cast("RDSClient", aws.open_client("rds"))
