"""A dump's events as classified statements in pg_dump's order: definitions, data, the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import IntEnum

from restore.dumps.sql import encodings
from restore.dumps.sql.allow_list import (
    ClassifiedStatement,
    Restriction,
    build_refusal,
    check_data,
    classify,
    read_client_encoding,
)
from restore.dumps.sql.skeleton import outline
from restore.dumps.sql.skips import Skips
from restore.dumps.sql.splitter import CopyBegin, End, Meta, Piece, Splitter, Statement
from restore.errors import PermanentError, Problem

DATA_KINDS = frozenset({"setval", "insert", "begin", "commit", "large_object"})
SESSION_KINDS = frozenset({"set", "tablespace", "session_authorization", "reset_authorization"})
BEFORE_ALL = SESSION_KINDS | {"search_path", "drop"}
"""What pg_dump --clean begins with."""
HARMLESS = BEFORE_ALL | {"schema", "extension", "extension_comment", "owner", "acl", "language"}
HARMLESS_DDL = (b"CREATE COLLATION ", b"COMMENT ON ")
"""What pg_dump writes before the extensions, in the order of its pg_dump_sort.c: no function, no expression."""
LARGE_OBJECT = re.compile(rb"(?:ALTER|COMMENT ON|(?:GRANT|REVOKE) [A-Z, ]+ ON) LARGE OBJECT \d")
NEVER_RUN: Mapping[str, str] = {
    "statistics_data": "statistics of pg_dump --statistics: {} (a load analyzes by itself)",
    "tablespace": "tablespaces: SET {} times (directories of the source's machine; all goes where the database is)",
}
"""Kinds of statements that a loaded database lacks nothing without, and how that is said."""
HELD = 96 << 20
"""Bytes of statements that a load or a scan keeps in memory, with what Python needs around them."""
AROUND = 700
MOST_REFUSALS = 20


class DumpSection(IntEnum):
    """https://www.postgresql.org/docs/current/app-pgdump.html, --section"""

    PRE_DATA = 0
    DATA = 1
    POST_DATA = 2


class Script:
    """Reads a splitter to its end; raises PermanentError for what pg_dump doesn't write, or not there."""

    def __init__(
        self, splitter: Splitter, subject: str, skips: Skips | None = None, refusals: list[Problem] | None = None
    ) -> None:
        """`skips` are not yielded. `refusals` collects what is refused and could be left out, instead of raising at the
        first."""
        self._splitter, self._subject, self._refusals = splitter, subject, refusals
        self.skips = skips or Skips()
        self._restriction = Restriction()
        self._copied: set[bytes] = set()
        self._held = 0
        self._in_group = False
        self._defines = False
        """Something was made."""
        self._has_code = False
        """Something was made that may call functions of the dump's choice."""
        self.section = DumpSection.PRE_DATA
        self.partitioned: set[bytes] = set()
        """Tables without rows of their own."""
        self.plain: set[bytes] = set()
        """Tables that hold rows, made by this dump."""
        self._never_run: Counter[str] = Counter()
        """By kind."""
        self.bytes = 0
        self.encoding = "UTF8"

    def read_items(self) -> Iterator[ClassifiedStatement | CopyBegin | Piece]:
        """Yields statements, COPYs and pieces of their rows in the dump's order, the pieces of tables that are left out
        too: their buffers must be given back. Raises PermanentError for what pg_dump doesn't write there, and for a
        dump without an end."""
        for event in self._splitter.read_events():
            if isinstance(event, Meta):
                self._restriction.see(event)
            elif isinstance(event, Piece):
                yield event
            elif isinstance(event, CopyBegin):
                self._see_copy(event)
                if not self.skips.takes_rows(event):
                    yield event
            elif isinstance(event, End):
                self._see_end(event)
            else:
                classified = self._classify(event)
                if classified is not None:
                    yield classified

    def _classify(self, statement: Statement) -> ClassifiedStatement | None:
        try:
            classified = classify(statement)
            self._see(classified)
        except PermanentError as error:
            if self._refusals is None or error.problem is None or len(self._refusals) >= MOST_REFUSALS:
                raise
            self._refusals.append(error.problem)
            return None
        if classified.kind in NEVER_RUN:
            self._never_run[classified.kind] += 1
            return None
        return None if self.skips.takes(classified) else classified

    def list_left_out(self) -> tuple[str, ...]:
        """Returns what was read and not yielded, in short."""
        never = (NEVER_RUN[kind].format(count) for kind, count in sorted(self._never_run.items()))
        return (*never, *self.skips.left_out)

    @property
    def server_version(self) -> str:
        """Version of the server that was dumped; "" when the dump doesn't say."""
        return self._splitter.versions.get("from database", "")

    @property
    def dump_version(self) -> str:
        return self._splitter.versions.get("by pg_dump", "")

    def decode_name(self, table: bytes) -> str:
        """Returns a table's name, decoded from the dump's encoding."""
        return encodings.decode(table, self._splitter.codec)

    def hold(self, classified: ClassifiedStatement) -> ClassifiedStatement:
        """Counts a statement that the caller keeps in memory. Raises PermanentError when they become too many."""
        self._held += len(classified.sql) + AROUND
        if self._held > HELD:
            raise build_refusal(
                classified.statement, f"more than {HELD >> 20} MiB of statements besides the data, up to"
            )
        return classified

    def _see(self, classified: ClassifiedStatement) -> None:
        if classified.kind == "drop" and self._defines:
            raise build_refusal(classified.statement, "a DROP behind definitions, where pg_dump --clean writes none")
        self._defines = self._defines or classified.kind not in BEFORE_ALL
        if classified.kind == "extension" and self._has_code:
            raise build_refusal(classified.statement, "an extension behind definitions that its script could run")
        self._has_code = self._has_code or not (classified.kind in HARMLESS or classified.sql.startswith(HARMLESS_DDL))
        if classified.kind == "set" and classified.get_part("name") == b"client_encoding":
            self.encoding = read_client_encoding(classified)
            self._splitter.codec = encodings.find_codec(self.encoding)
        if classified.kind == "table":
            (self.partitioned if _is_partitioned(classified) else self.plain).add(classified.get_part("table"))
        if classified.kind == "commit" and not self._in_group:
            raise build_refusal(classified.statement, "a COMMIT without its BEGIN")
        if self._in_group and classified.kind not in ("large_object", "commit"):
            raise build_refusal(classified.statement, "anything but a large object between BEGIN and COMMIT")
        self._in_group = classified.kind == "begin" or (self._in_group and classified.kind != "commit")
        if classified.kind == "insert":
            self._see_data(classified.get_part("table"), classified.statement)
        if classified.kind in DATA_KINDS:
            self.section = max(self.section, DumpSection.DATA) if classified.kind != "large_object" else self.section
        elif self.section is DumpSection.DATA and not _is_of_data(classified):
            self.section = DumpSection.POST_DATA

    def _see_copy(self, begin: CopyBegin) -> None:
        if self._in_group:
            raise build_refusal(begin, "anything but a large object between BEGIN and COMMIT")
        self._see_data(begin.table, begin)
        if begin.table in self._copied and begin.table in self.plain:
            raise build_refusal(begin, "data of a table for the second time")
        self._copied.add(begin.table)
        self.section = DumpSection.DATA

    def _see_data(self, table: bytes, statement: Statement | CopyBegin) -> None:
        check_data(table, statement)
        if self.section is DumpSection.POST_DATA:
            raise build_refusal(statement, "data after indexes or constraints")

    def _see_end(self, end: End) -> None:
        self.bytes = end.bytes
        if not end.complete:
            needed = "'PostgreSQL database dump complete', pg_dump's last line"
            fix = "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
            raise PermanentError.of(Problem(f"dump {self._subject}, byte {end.bytes}", "its end", needed, fix))


def _is_of_data(classified: ClassifiedStatement) -> bool:
    """Large objects are made, given away and filled among the data."""
    return (
        classified.kind in SESSION_KINDS
        or classified.kind == "statistics_data"
        or LARGE_OBJECT.match(classified.sql) is not None
    )


def _is_partitioned(classified: ClassifiedStatement) -> bool:
    return b" PARTITION BY " in outline(classified.sql)
