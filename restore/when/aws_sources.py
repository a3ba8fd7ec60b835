"""What AWS has recorded: the server's log through RDS, RDS's events, CloudTrail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from restore.aws import Aws, history
from restore.errors import RestoreError
from restore.model.rds import Instance
from restore.when import recordable, server_log
from restore.when.model import Coverage, Period, Reach, Reading, Suspect

MOST_LOG_BYTES = 512 * 1024 * 1024
EVENTS, TRAIL = "RDS events", "CloudTrail"


def ask(source: str, read: Callable[[], Reading]) -> Reading:
    """Returns what a source gave. That it couldn't be asked, for want of a right too, is an answer."""
    try:
        return read()
    except RestoreError as error:
        problem = error.problem
        text = f"{problem.subject}: {problem.found}; needed: {problem.needed}" if problem else str(error)
        return Reading((Coverage(source, Reach.NOT_ASKED, " ".join(text.split())),))


def read_settings(aws: Aws, instance: Instance, period: Period, now: datetime) -> Reading:
    """Tells what the instance's parameters and exports let it record."""
    group = instance.settings.parameter_group_name
    parameters = history.read_parameters(aws, group, recordable.PARAMETERS) if group else {}
    exports = instance.settings.enabled_cloudwatch_logs_exports
    files = recordable.describe_files(parameters, exports, instance.identifier, period, now)
    return Reading((*recordable.describe_statements(parameters), files))


def read_log(aws: Aws, identifier: str, period: Period, table: str) -> Reading:
    """Reads the log files of a period through RDS, newest first up to MOST_LOG_BYTES. RDS writes the same entries into
    .csv files too where log_destination is csvlog: these are left out."""
    every = history.list_log_files(aws, identifier, period.since)
    files = [file for file in every if not file.name.endswith(".csv")]
    chosen, left_out = choose_files(files, period.until)
    result = server_log.LogReading()
    truncated = [False]
    for file in chosen:
        lines = _note_truncation(history.read_log_file(aws, identifier, file.name), truncated)
        result = _join(result, server_log.read_log(lines, period, table))
    return Reading((describe_log(result, len(chosen), left_out, truncated=truncated[0]),), result.suspects)


def choose_files(files: Sequence[history.LogFile], until: datetime) -> tuple[list[history.LogFile], list[str]]:
    """Returns the files to read, oldest first, and the names of those that are too many. Pure.

    The first file that was written to after the period has its last entries; later ones have none of it.
    """
    after = next((number for number, file in enumerate(files) if file.written > until), len(files))
    chosen: list[history.LogFile] = []
    left_out: list[str] = []
    size = 0
    for file in reversed(files[: after + 1]):
        size += file.size
        if size > MOST_LOG_BYTES and chosen:
            left_out.append(file.name)
        else:
            chosen.append(file)
    return chosen[::-1], left_out[::-1]


def _note_truncation(lines: Iterator[str], truncated: list[bool]) -> Iterator[str]:
    for line in lines:
        truncated[0] = truncated[0] or history.TRUNCATED in line
        yield line


def _join(left: server_log.LogReading, right: server_log.LogReading) -> server_log.LogReading:
    return server_log.LogReading(
        left.suspects + right.suspects,
        left.entries + right.entries,
        left.unread_lines + right.unread_lines,
        left.by_key + right.by_key,
        left.oldest or right.oldest,
        left.left_out + right.left_out,
    )


def describe_log(log: server_log.LogReading, files: int, left_out: Sequence[str], *, truncated: bool) -> Coverage:
    """Tells what was read of the log, and what wasn't. Pure."""
    source = f"{server_log.SOURCE}, as read"
    if not log.entries:
        lines = f" ({log.unread_lines:,} lines that aren't of RDS's log_line_prefix)" if log.unread_lines else ""
        return Coverage(source, Reach.NOT_RECORDED, f"{files} files, and no entry in them{lines}")
    parts = [f"{files} files, {log.entries:,} entries"]
    if log.oldest:
        parts[0] += f", the oldest of {log.oldest:%Y-%m-%d %H:%M:%S} UTC"
    if log.by_key:
        parts.append(f"{log.by_key:,} DELETE and UPDATE of rows by key are not listed (--table lists those of one)")
    if log.unread_lines:
        parts.append(f"{log.unread_lines:,} lines could not be read")
    if log.left_out:
        parts.append(f"{log.left_out:,} more statements like these are left out: give a shorter period")
    if truncated:
        parts.append("RDS left out lines that were too long")
    if left_out:
        parts.append(f"not read, for they are more than {MOST_LOG_BYTES >> 20} MiB: {', '.join(left_out)}")
    incomplete = bool(log.unread_lines or log.left_out or truncated or left_out)
    return Coverage(source, Reach.NOT_RECORDED if incomplete else Reach.RECORDED, "; ".join(parts))


def read_events(aws: Aws, identifier: str, period: Period, now: datetime) -> Reading:
    """Reads RDS's events of the instance."""
    begin = now - history.EVENT_LIFE
    since = max(period.since, begin)
    if since >= period.until:
        return Reading((describe_life(EVENTS, begin, period),))
    events = history.read_events(aws, identifier, since, period.until)
    suspects = tuple(Suspect(event.at, "RDS event", event.message, EVENTS) for event in events)
    return Reading((describe_life(EVENTS, begin, period),), suspects)


def describe_life(source: str, begin: datetime, period: Period) -> Coverage:
    """Tells whether a source keeps its records for as long as the period needs. Pure."""
    if begin > period.since:
        return Coverage(source, Reach.NOT_RECORDED, f"nothing of before {begin:%Y-%m-%d %H:%M:%S} UTC is kept")
    return Coverage(source, Reach.RECORDED, "all of the period is kept")


def read_trail(aws: Aws, instance: Instance | None, source: str, period: Period, now: datetime) -> Reading:
    """Reads who called RDS to change the source, or what was made of it. CloudTrail tells of a call up to a quarter
    of an hour later (CloudTrail User Guide, "How CloudTrail works")."""
    begin = now - history.TRAIL_LIFE
    since = max(period.since, begin)
    if since >= period.until:
        return Reading((describe_life(TRAIL, begin, period),))
    listed = history.look_up_calls(aws, since, period.until)
    names = {source, *((instance.identifier, instance.resource_id, instance.arn) if instance else ())}
    suspects = tuple(build_call_suspect(call) for call in listed.trail if is_about(call, names))
    coverage = describe_life(TRAIL, begin, period)
    if not listed.complete:
        text = f"only the newest {history.MOST_TRAIL_EVENTS:,} calls were read: give a shorter period"
        coverage = replace(coverage, reach=Reach.NOT_RECORDED, text=text)
    return Reading((coverage,), suspects)


def is_about(call: history.TrailEvent, names: set[str]) -> bool:
    """Tells whether a call names the source: by identifier, by DbiResourceId or as the end of an ARN. Pure."""
    return any(name in names or name.rpartition(":")[2] in names for name in call.resources)


def build_call_suspect(call: history.TrailEvent) -> Suspect:
    """Returns a call as a suspect. Pure."""
    error = f" (refused: {call.error})" if call.error else ""
    what = f"{call.name} {', '.join(call.resources)}{error}"
    return Suspect(call.at, "call to RDS", what, TRAIL, call.by, failed=bool(call.error))
