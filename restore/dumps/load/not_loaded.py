"""What the server refused of a dump while everything else was loaded, and the script that has it again."""

from __future__ import annotations

import math
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import psycopg

from restore.dumps.connections import NotGrantedError, describe_error, is_refusal
from restore.dumps.load.post_data_tasks import WHOLE, Task
from restore.dumps.model import NotLoaded, OnError
from restore.dumps.sql import encodings
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.encodings import UTF8
from restore.dumps.sql.objects import DumpObject, name_object, name_statement, show_sql
from restore.redaction import redact

MOST_LINES = 20
"""Bad rows of one table that are found one by one; each costs its piece of the table once more."""
MOST_TOLD = 3
"""Reasons, and lines for each, in a message."""
LOOKS_FOR_NAMES = ("42883", "42P01", "42704", "3F000")
BY_FUNCTION = re.compile(r"\bfunction\b")
SEARCH_PATH = (
    "a function of the dump finds this by search_path: SET search_path first, for rows load with --search-path;"
    " from PostgreSQL 17 on, ALTER FUNCTION ... SET search_path for an index or a materialized view"
)
LACKS_RIGHT = "to have them: load into an empty database with --on-error stop, which names the GRANT, then again"
FOREIGN_KEY = re.compile(
    rb"FOREIGN KEY \((?P<columns>[^()]*)\) REFERENCES (?P<other>\S+?)\s*\((?P<keys>[^()]*)\)", re.DOTALL
)
HEAD = """\
-- What of {dump} could not be loaded. Run as the owner of the database, with what each line says put right:
--   psql -v ON_ERROR_STOP=0 -f <this file>
SET client_encoding = 'UTF8';
SET check_function_bodies = false;
SELECT pg_catalog.set_config('search_path', '', false);
"""


class NotLoadedList:
    """Filled by all threads of a load."""

    def __init__(self, on_error: OnError) -> None:
        self._on_error = on_error
        self._lock = threading.Lock()
        self._items: list[tuple[float, NotLoaded]] = []
        """With the number of the dump's statement: what a statement needs comes before it."""
        self._rows: dict[str, list[tuple[int, str]]] = defaultdict(list)
        """By table: line in the dump and reason of each row or run of rows, in any order."""
        self._counts: Counter[str] = Counter()

    def takes(self, error: BaseException | None) -> bool:
        """Tells whether the load goes on without what the server refused by this error."""
        return self._on_error is OnError.CONTINUE and isinstance(error, psycopg.Error) and is_refusal(error)

    def add_statement(
        self, classified: ClassifiedStatement, error: BaseException | None, sql: bytes = b"", role: bytes = b""
    ) -> None:
        """Notes a statement, refused by an error of psycopg's. `sql`: as it was run, where not as in the dump; `role`:
        who it was run as, where not the loader."""
        statement = classified.statement
        text = show_sql(sql or classified.sql, statement.codec)
        if text and role:
            text = f"SET ROLE {encodings.decode(role, statement.codec)};\n{text};\nRESET ROLE"
        about = name_statement(classified)
        if isinstance(error, NotGrantedError):
            about = replace(about, kind="system_grants")
        self._add(statement.number, about, error, statement.line, text, build_query(classified))

    def add_task(self, task: Task, error: psycopg.Error) -> None:
        """Notes a task behind the data. What its earlier steps have made stays: its SQL is that of this step on."""
        source, text = task.source, b";\n".join(task.statements)
        if source is None:
            self._add(math.inf, name_object(text, UTF8), error, 0, show_sql(text, UTF8), "")
            return
        statement = source.statement
        kept = task.step not in (0, WHOLE)
        sql = show_sql(text if kept else source.sql, statement.codec)
        about = name_object(text, statement.codec) if kept else name_statement(source)
        self._add(statement.number, about, error, statement.line, sql, build_query(source))

    def _add(
        self, number: float, about: DumpObject, error: BaseException | None, line: int, sql: str, query: str
    ) -> None:
        assert isinstance(error, psycopg.Error)
        hint = SEARCH_PATH if is_search_path(error) else query if (error.sqlstate or "").startswith("23") else ""
        item = NotLoaded(about.kind, about.name, build_reason(error), line, sql, hint)
        with self._lock:
            self._items.append((number, item))

    def add_rows(self, table: str, line: int, count: int, error_text: str) -> None:
        """Notes rows of a table: the line of the first, how many, and why."""
        with self._lock:
            self._rows[table].append((line, error_text))
            self._counts[table] += count

    def may_search(self, table: str) -> bool:
        """Tells whether single bad rows of this table are still looked for."""
        with self._lock:
            return len(self._rows[table]) < MOST_LINES

    def list_all(self) -> tuple[NotLoaded, ...]:
        """Returns everything: rows first, then in the dump's order."""
        with self._lock:
            rows = [
                NotLoaded("rows", table, render_rows(self._counts[table], lines), min(lines)[0])
                for table, lines in sorted(self._rows.items())
                if lines
            ]
            return (*rows, *(item for _, item in sorted(self._items, key=lambda numbered: numbered[0])))


def is_search_path(error: psycopg.Error) -> bool:
    """Tells whether a function of the dump didn't find what it names without a schema."""
    return error.sqlstate in LOOKS_FOR_NAMES and BY_FUNCTION.search(error.diag.context or "") is not None


def build_reason(error: psycopg.Error) -> str:
    """Returns why the server refused it, on one line, without the content of any row but a key's."""
    return redact(" ".join(f"{describe_error(error)} (SQLSTATE {error.sqlstate})".split()))


def render_rows(count: int, lines: Iterable[tuple[int, str]]) -> str:
    """Returns how many rows were refused, and why, each reason with its first lines. Pure."""
    by_reason: dict[str, list[int]] = defaultdict(list)
    for line, why in sorted(lines):
        by_reason[why].append(line)
    told = "; ".join(f"{_render_lines(numbers)}: {why}" for why, numbers in list(by_reason.items())[:MOST_TOLD])
    more = f"; and for {len(by_reason) - MOST_TOLD} more reasons" if len(by_reason) > MOST_TOLD else ""
    return f"{count} row{'' if count == 1 else 's'} refused: {told}{more}"


def _render_lines(numbers: Sequence[int]) -> str:
    first = ", ".join(map(str, numbers[:MOST_TOLD]))
    more = f" and {len(numbers) - MOST_TOLD} more" if len(numbers) > MOST_TOLD else ""
    return f"line{'' if len(numbers) == 1 else 's'} {first}{more}"


def build_query(classified: ClassifiedStatement) -> str:
    """Returns a query for all keys that stand in a key's way; "" for other statements. Pure."""
    table = classified.get_text("table")
    if classified.kind == "key":
        columns = classified.get_text("columns").strip("()")
        return f"SELECT {columns}, count(*) FROM {table} GROUP BY {columns} HAVING count(*) > 1"  # noqa: S608
    match = FOREIGN_KEY.search(classified.sql) if classified.kind == "foreign_key" else None
    if match is None:
        return ""
    codec = classified.statement.codec
    columns, other, keys = (encodings.decode(part, codec) for part in match.group("columns", "other", "keys"))
    return (
        f"SELECT DISTINCT {columns} FROM {table}"  # noqa: S608 - for a person to run
        f" WHERE ({columns}) IS NOT NULL AND ({columns}) NOT IN (SELECT {keys} FROM {other})"
    )


def render_script(items: Iterable[NotLoaded], dump: str) -> str:
    """Returns one script with the SQL of everything that was not loaded, each with its reason; "" for nothing. Pure."""
    parts = [_render_part(item) for item in items]
    return "\n".join((HEAD.format(dump=dump), *parts)) if parts else ""


def _render_part(item: NotLoaded) -> str:
    where = f"dump, line {item.line}: " if item.line else ""
    lines = [f"-- {item.kind} {item.name}", f"-- {where}{item.reason}"]
    if item.hint:
        lines.append(f"-- {item.hint}")
    if item.sql:
        return "\n".join([*map(_flatten, lines), f"{item.sql};", ""])
    lines.append(
        "-- its text is in the dump alone" if item.kind != "rows" else "-- take these rows from the dump by hand"
    )
    return "\n".join([*map(_flatten, lines), ""])


def _flatten(line: str) -> str:
    """A name can't end its comment: neither psql nor the server takes what follows for a statement."""
    return " ".join(line.split())
