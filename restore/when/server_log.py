"""Entries of PostgreSQL's log under RDS's prefix, and the statements in them. Pure; the log is hostile input.

The prefix is `%t:%r:%u@%d:[%p]:` (RDS User Guide, "Parameters for logging in RDS for PostgreSQL"). A line break
within a message is followed by a tab (src/backend/utils/error/elog.c, append_with_tabs): who writes a statement can't
begin a line that looks like an entry.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from restore.when.model import Period, Suspect
from restore.when.statements import BY_KEY, Finding, classify

SOURCE = "server log"
MOST_ENTRY = 256 * 1024
"""Characters of one entry that are kept."""
MOST_SUSPECTS = 10_000
"""Of one file."""
PREFIX = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?P<fraction>\.\d{1,6})? (?:UTC|GMT):"
    r"(?P<remote>\[local\]|[\w.%:-]{0,255}(?:\(\d{1,5}\))?):(?P<user>[^@\n]{0,255})@(?P<database>[^\n]{0,255}?):"
    r"\[(?P<pid>\d{1,10})\]:(?P<level>[A-Z]+[1-5]?):  (?P<message>.*)",
    re.ASCII | re.DOTALL,
)
AUDIT = "AUDIT: "
STATEMENT = re.compile(
    r"(?:duration: (?P<milliseconds>\d{1,12}(?:\.\d{1,6})?) ms  )?(?:statement|execute [^:\n]{1,256}): (?P<sql>.*)",
    re.DOTALL,
)
AUTHORIZED = re.compile(r"connection authorized: .*?application_name=(?P<name>.*?)(?: SSL enabled| GSS |$)")


@dataclass(frozen=True)
class Entry:
    """One entry of the log."""

    at: datetime
    remote: str
    user: str
    database: str
    pid: int
    level: str
    message: str


@dataclass(frozen=True)
class LogReading:
    """What a log gave: suspects, entries and lines that are none, writes by key that aren't listed."""

    suspects: tuple[Suspect, ...] = ()
    entries: int = 0
    unread_lines: int = 0
    by_key: int = 0
    oldest: datetime | None = None
    left_out: int = 0
    """Suspects beyond MOST_SUSPECTS."""


def parse_entries(lines: Iterable[str]) -> Iterator[Entry | None]:
    """Yields the entries of lines; None for each line that is neither an entry nor the continuation of one."""
    current: Entry | None = None
    more: list[str] = []
    size = 0
    for line in lines:
        text = line.rstrip("\r\n")
        if text.startswith("\t"):
            if size < MOST_ENTRY:
                more.append(text[1:])
                size += len(text)
            continue
        if current:
            yield _add_lines(current, more)
        current, more, size = parse_entry(text), [], len(text)
        if current is None and text:
            yield None
    if current:
        yield _add_lines(current, more)


def _add_lines(entry: Entry, more: Sequence[str]) -> Entry:
    return replace(entry, message="\n".join([entry.message, *more])[:MOST_ENTRY]) if more else entry


def parse_entry(line: str) -> Entry | None:
    """Returns the entry that a line begins, None for any other line."""
    match = PREFIX.match(line[:MOST_ENTRY])
    if match is None:
        return None
    try:
        at = datetime.fromisoformat(f"{match['at']}{match['fraction'] or ''}").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Entry(
        at, match["remote"], match["user"], match["database"], int(match["pid"]), match["level"], match["message"]
    )


def read_log(lines: Iterable[str], period: Period, table: str = "") -> LogReading:
    """Returns the suspicious statements of a period; with a table, every write that names it, and nothing else."""
    reader = _Reader(period, table)
    for entry in parse_entries(lines):
        if entry is None:
            reader.unread += 1
        else:
            reader.read(entry)
    return LogReading(
        tuple(reader.suspects), reader.entries, reader.unread, reader.by_key, reader.oldest, reader.left_out
    )


class _Reader:
    """What was read so far of one log."""

    def __init__(self, period: Period, table: str) -> None:
        self.period, self.table = period, table
        self.suspects: list[Suspect] = []
        self.entries = self.unread = self.by_key = self.left_out = 0
        self.oldest: datetime | None = None
        self._latest: dict[int, list[tuple[int, str]]] = {}
        """By session, the suspects of its last statement, and its text."""
        self._applications: dict[int, str] = {}

    def read(self, entry: Entry) -> None:
        self.entries += 1
        self.oldest = self.oldest or entry.at
        if authorized := AUTHORIZED.match(entry.message):
            self._applications[entry.pid] = authorized["name"]
        if entry.level == "STATEMENT":
            _mark_failed(self.suspects, self._latest.get(entry.pid, []), entry.message)
        statement = read_statement(entry)
        if statement and self.period.has(statement[1]):
            self._latest[entry.pid] = []
            for finding in classify(statement[0]):
                self._add(entry, finding, *statement)

    def _add(self, entry: Entry, finding: Finding, sql: str, began: datetime) -> None:
        if self.table and not finding.is_about(self.table):
            return
        if not self.table and finding.kind in BY_KEY:
            self.by_key += 1
        elif len(self.suspects) >= MOST_SUSPECTS:
            self.left_out += 1
        else:
            self._latest[entry.pid].append((len(self.suspects), sql))
            application = self._applications.get(entry.pid, "")
            self.suspects.append(_build_suspect(entry, finding, began, application))


def read_statement(entry: Entry) -> tuple[str, datetime] | None:
    """Returns the statement of an entry and when it began; None for one that tells of no execution."""
    if entry.level != "LOG":
        return None
    if entry.message.startswith(AUDIT):
        return _read_audit(entry)
    match = STATEMENT.match(entry.message)
    if match is None:
        return None
    return match["sql"], entry.at - timedelta(milliseconds=float(match["milliseconds"] or 0))


def _read_audit(entry: Entry) -> tuple[str, datetime] | None:
    """Reads pgaudit's fields: type, statement's and substatement's number, class, command, object's type and name,
    statement, parameters (pgaudit's README, "Format")."""
    try:
        fields = next(csv.reader([entry.message.removeprefix(AUDIT).replace("\n", " ")], strict=True), list[str]())
    except csv.Error:
        return None
    return (fields[7], entry.at) if len(fields) > 7 else None


def _mark_failed(suspects: list[Suspect], latest: Iterable[tuple[int, str]], sql: str) -> None:
    """A refused statement is repeated after its error, in the same session."""
    for number, text in latest:
        if text.strip() == sql.strip():
            suspects[number] = replace(suspects[number], failed=True)


def _build_suspect(entry: Entry, finding: Finding, began: datetime, application: str) -> Suspect:
    cut = " (the statement's end was not logged: it may have a WHERE)" if finding.cut else ""
    host = f" from {entry.remote}" if entry.remote else ""
    name = f" ({application})" if application else ""
    by = f"{entry.user}@{entry.database}{host}{name}, process {entry.pid}"
    return Suspect(began, finding.kind, f"{finding.form}{cut}", SOURCE, by)
