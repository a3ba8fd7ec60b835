"""A plain dump as a sequence of statements and pieces of table data, in bounded memory.

SQL text is cut as psql cuts it. In COPY data only the end marker is looked for; it is cut at row ends into pieces of
the same size whatever the reads were, so that a second reading makes the same pieces.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from restore.dumps.model import MIB
from restore.dumps.sql.encodings import UTF8
from restore.dumps.sql.lexer import Nesting, Token, UnfinishedToken, read_token
from restore.errors import PermanentError, Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 128 << 10
LONGEST_STATEMENT = 16 * MIB
"""pg_dump's longest statements are function bodies and comments."""
LONGEST_META = 4096
COMPLETE = b"PostgreSQL database dump complete"
ENTRY = re.compile(rb"TOC entry (\d+) \(class ")
DEPENDENCIES = b"Dependencies: "
"""What pg_dump and pg_restore --verbose write before each entry of the table of contents."""
VERSION = re.compile(rb"Dumped (?P<who>from database|by pg_dump) version (?P<version>[0-9][0-9A-Za-z.]*)")
IDENTIFIER = rb'(?:"(?:[^"]|"")+"|[a-z_\x80-\xff][a-z0-9_$\x80-\xff]*)'
COPY = re.compile(
    rb"COPY (?P<table>%(i)s\.%(i)s) (?P<columns>\(%(i)s(?:, %(i)s)*\))? ?FROM stdin\Z" % {b"i": IDENTIFIER}
)
UNQUALIFIED_COPY = re.compile(rb"COPY %b (?:\([^()]*\) )?FROM stdin\Z" % IDENTIFIER)
"""https://www.postgresql.org/docs/release/10.3/, CVE-2018-1058"""
UNQUALIFIED_INSERT = re.compile(rb"INSERT INTO %b (?:\(|VALUES\b|OVERRIDING\b|DEFAULT\b)" % IDENTIFIER)
LITERAL = rb"(?:NULL|DEFAULT|true|false|[+-]?[0-9.]++(?:[eE][+-]?[0-9]++)?|[BX]?'[^']*+(?:''[^']*+)*+')"
ROW = rb"\((?:%(l)s(?:, %(l)s)*+)?\)" % {b"l": LITERAL}
INSERT = (
    rb"INSERT INTO (?P<table>%(i)s\.%(i)s) (?:\(%(i)s(?:, %(i)s)*\) )?(?:OVERRIDING SYSTEM VALUE )?(?:DEFAULT VALUES"
    rb"|VALUES\s+(?P<rows>%(r)s(?:,\s*%(r)s)*+))(?: ON CONFLICT DO NOTHING)?" % {b"i": IDENTIFIER, b"r": ROW}
)
"""Rows of pg_dump --inserts: literals alone, which the columns' types read as in a COPY."""
WHOLE_INSERT = re.compile(INSERT + rb";")
"""What the lexer would cut out too, in a seventh of the time."""
END = b"\n\\.\n"
SLACK = 64 << 10
"""A buffer's room beyond a piece: for the end marker, and for reads in large steps."""


class Stream(Protocol):
    def readinto(self, buffer: WriteableBuffer, /) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, without its semicolon."""

    sql: bytes
    number: int
    """From 1, over all statements of the dump."""
    offset: int
    """Byte in the uncompressed dump."""
    line: int
    codec: str = UTF8
    """Python's, for the dump's encoding."""
    entry: int = 0
    """Its entry of the table of contents; 0 where the dump doesn't say."""
    depends: tuple[int, ...] = ()
    """Entries that its entry depends on."""


@dataclass(frozen=True, slots=True)
class Meta:
    """A psql meta-command's line."""

    text: bytes
    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class CopyBegin:
    """A COPY statement whose data follows."""

    sql: bytes
    table: bytes
    block: int
    """From 1, over all COPY statements of the dump."""
    offset: int
    line: int


@dataclass(slots=True)
class Piece:
    """A part of a COPY's data. `buffer[:size]`; the buffer belongs to who takes the piece."""

    begin: CopyBegin
    buffer: bytearray = field(repr=False)
    size: int
    rows: int
    at: int
    """Bytes of this COPY's data before it."""
    offset: int
    line: int
    whole: bool
    """It ends at a row's end. A row longer than a piece comes in several that aren't whole but the last."""
    last: bool
    """Whether it is the last of its COPY."""


@dataclass(frozen=True, slots=True)
class End:
    """The dump's end; `complete`: pg_dump wrote its last line."""

    bytes: int
    complete: bool


Event = Statement | Meta | CopyBegin | Piece | End


@dataclass(frozen=True, slots=True)
class Seen:
    """What an earlier reading saw of the one COPY of a table."""

    bytes: int
    rows: Sequence[int] = ()
    """Rows of its first pieces, as long as these were as large."""


NOTHING = Seen(0)


class Splitter:
    """`take` gives a buffer of at least `piece` + SLACK bytes, and may wait for one."""

    def __init__(
        self,
        stream: Stream,
        take: Callable[[], bytearray],
        piece: int,
        *,
        count: bool = True,
        seen: Callable[[bytes], Seen] = lambda _: NOTHING,
    ) -> None:
        """Without `count` no rows are counted: they are 0, and lines behind data are wrong.

        With what was `seen` of a table, its end is looked for there alone, and its rows are not counted again.
        """
        self._stream, self._take, self._piece, self._count_rows, self._seen = stream, take, piece, count, seen
        self._text = bytearray()
        self._position = 0
        """In _text: what is before it is consumed."""
        self._offset = 0
        self._line = 1
        """Line of the dump at position _counted of _text."""
        self._counted = 0
        self._ended = False
        self._statements = 0
        self._blocks = 0
        self._complete = False
        self._entry = 0
        self._depends: tuple[int, ...] = ()
        self.codec = UTF8
        """Encoding of what comes next, set by whoever takes the statement that changes it."""
        self.versions: dict[str, str] = {}
        """What the dump's head says: `from database` and `by pg_dump`."""

    def read_events(self) -> Iterator[Event]:
        """Yields statements, meta-commands, COPYs with the pieces of their rows, and the end. Raises PermanentError for
        what pg_dump doesn't write, and for a cut end."""
        while True:
            event = self._read_next()
            yield event
            if isinstance(event, CopyBegin):
                yield from self._read_data(event)
            elif isinstance(event, End):
                return

    # SQL text

    def _read_next(self) -> Statement | Meta | CopyBegin | End:
        start: int | None = None
        nesting = Nesting()
        while True:
            if start is None and (insert := WHOLE_INSERT.match(self._text, self._position)) is not None:
                self._position = insert.end()
                return self._build_statement(insert.start(), insert.end() - 1)
            item = self._read_token(start)
            if item is None:
                return self._end(start)
            if item.kind in ("space", "line_comment", "block_comment"):
                self._skip(item)
            elif item.kind == "backslash":
                return self._read_meta(start)
            elif item.kind == "punctuation" and self._text[item.start] == ord(";") and not nesting.open:
                self._position = item.end
                if start is not None:
                    return self._build_statement(start, item.start)
            else:
                start = item.start if start is None else start
                self._count(nesting, item)
                self._position = item.end
            if start is None:
                self._drop()
            elif self._position - start > LONGEST_STATEMENT:
                raise self._build_too_long(start)

    def _read_token(self, start: int | None) -> Token | None:
        """None at the end. A start of a statement before it stays where it is."""
        while True:
            if self._position < len(self._text):
                try:
                    return read_token(self._text, self._position, last=self._ended)
                except UnfinishedToken:
                    pass
            if self._ended:
                if self._position < len(self._text):
                    raise self._build_broken("it ends within a quote or a comment")
                return None
            if len(self._text) - (self._position if start is None else start) > LONGEST_STATEMENT:
                raise self._build_too_long(self._position if start is None else start)
            self._read_more()

    def _count(self, nesting: Nesting, item: Token) -> None:
        if item.kind == "string" and nesting.escaped:
            raise self._build_broken("a string that goes on in a second piece")
        nesting.escaped = item.kind == "escape_string"
        if item.kind == "word":
            nesting.follow_word(bytes(self._text[item.start : item.end]))
        elif item.kind == "punctuation":
            nesting.follow_punctuation(bytes(self._text[item.start : item.end]))

    def _skip(self, item: Token) -> None:
        if item.kind == "line_comment":
            long = self._text.startswith(DEPENDENCIES, item.start + 3)
            self._comment(bytes(self._text[item.start + 3 : item.end if long else min(item.end, item.start + 200)]))
        self._position = item.end

    def _comment(self, text: bytes) -> None:
        if text.startswith(COMPLETE):
            self._complete = True
        if entry := ENTRY.match(text):
            self._entry, self._depends = int(entry[1]), ()
        elif text.startswith(DEPENDENCIES):
            self._depends = tuple(int(number) for number in text[len(DEPENDENCIES) :].split() if number.isdigit())
        match = None if self._statements else VERSION.match(text)
        if match is not None:
            self.versions[match["who"].decode()] = match["version"].decode()

    def _build_statement(self, start: int, end: int) -> Statement | CopyBegin:
        sql = bytes(self._text[start:end]).rstrip()
        offset, line = self._offset + start, self._find_line_at(start)
        self._statements += 1
        self._complete = False
        if sql[:4].upper() == b"COPY" and not sql[4:5].isalnum():
            return self._copy(sql, offset, line)
        if UNQUALIFIED_INSERT.match(sql):
            raise _build_unqualified(offset, line)
        self._drop()
        return Statement(sql, self._statements, offset, line, self.codec, self._entry, self._depends)

    def _copy(self, sql: bytes, offset: int, line: int) -> CopyBegin:
        match = COPY.match(sql)
        if match is None and UNQUALIFIED_COPY.match(sql):
            raise _build_unqualified(offset, line)
        if match is None:
            needed = "COPY schema.table (columns) FROM stdin, as pg_dump writes it"
            raise _build_refused(offset, line, shorten(sql), needed)
        while self._position >= len(self._text) and not self._ended:
            self._read_more()
        if not self._text.startswith(b"\n", self._position):
            raise _build_refused(offset, line, "something behind COPY on its line", "the table's data on the next line")
        self._position += 1
        self._drop()
        self._blocks += 1
        return CopyBegin(sql, match["table"], self._blocks, offset, line)

    def _read_meta(self, start: int | None) -> Meta:
        if start is not None:
            raise self._build_broken("a backslash within a statement")
        while (end := self._text.find(b"\n", self._position)) < 0 and not self._ended:
            if len(self._text) - self._position > LONGEST_META:
                raise self._build_broken("a meta-command of more than one line")
            self._read_more()
        end = len(self._text) if end < 0 else end
        text = bytes(self._text[self._position : end])
        line = self._find_line_at(self._position)
        meta = Meta(text, self._offset + self._position, line)
        self._position = min(end + 1, len(self._text))
        self._drop()
        return meta

    def _end(self, start: int | None) -> End:
        if start is not None:
            raise self._build_broken("it ends within a statement")
        return End(self._offset + len(self._text), self._complete)

    def _drop(self) -> None:
        """Forgets consumed text, seldom enough to stay linear."""
        if self._position >= CHUNK or self._position >= len(self._text):
            self._forget()

    def _forget(self) -> None:
        self._find_line_at(self._position)
        self._offset += self._position
        del self._text[: self._position]
        self._position = self._counted = 0

    def _find_line_at(self, position: int) -> int:
        """The line of a position that is not before an earlier one."""
        self._line += self._text.count(b"\n", self._counted, position)
        self._counted = position
        return self._line

    def _read_more(self) -> None:
        """Half as much again: an open quote is looked at from its beginning each time."""
        want = max(CHUNK, len(self._text) // 2)
        buffer = bytearray(want)
        filled = 0
        with memoryview(buffer) as view:
            while filled < want and (count := self._stream.readinto(view[filled:]) or 0):
                filled += count
        self._text += buffer[:filled]
        self._ended = filled < want

    def _build_broken(self, found: str) -> PermanentError:
        line = self._find_line_at(self._position)
        return _build_refused(self._offset + self._position, line, found, "a whole plain dump as pg_dump writes it")

    def _build_too_long(self, start: int) -> PermanentError:
        line = self._find_line_at(start)
        if self._text.startswith(b"INSERT INTO ", start):
            found = f"an INSERT of more than {LONGEST_STATEMENT // MIB} MiB"
            return _build_refused(self._offset + start, line, found, "fewer rows in one INSERT, or COPY", AGAIN)
        found = f"a statement of more than {LONGEST_STATEMENT // MIB} MiB, or an open quote"
        return _build_refused(self._offset + start, line, found, "statements as pg_dump writes them")

    # COPY data

    def _read_data(self, begin: CopyBegin) -> Iterator[Piece]:
        self._forget()
        left: bytes | bytearray = bytes(self._text)
        self._text.clear()
        at, fresh, seen = 0, True, self._seen(begin.table)
        for number in itertools.count():
            buffer = self._take()
            filled, marker = self._fill(buffer, left, begin, fresh=fresh, skip=max(0, seen.bytes - at - 1))
            if seen.bytes and marker >= 0 and at + marker != seen.bytes:
                found = f"{at + marker} bytes of data of {begin.table.decode(errors='replace')}"
                raise _build_refused(self._offset, self._line, found, f"{seen.bytes} bytes, as when it was read before")
            size, last, whole = self._cut(buffer, marker)
            left = bytes(buffer[size + 3 if last else size : filled])
            rows = seen.rows[number] if number < len(seen.rows) else self._count_rows_in(buffer, size)
            yield Piece(begin, buffer, size, rows, at, self._offset, self._line, whole, last)
            at, fresh = at + size, whole
            self._offset += size + (3 if last else 0)
            self._line += rows + (1 if last else 0)
            if last:
                self._text += left
                return

    def _count_rows_in(self, buffer: bytearray, size: int) -> int:
        return buffer.count(b"\n", 0, size) if self._count_rows else 0

    def _fill(
        self, buffer: bytearray, left: bytes | bytearray, begin: CopyBegin, *, fresh: bool, skip: int
    ) -> tuple[int, int]:
        """Fills the buffer until it holds a piece or the end marker: how far, and where the data end (-1: not yet).

        The end is not looked for in the first `skip` bytes.
        """
        if len(buffer) < len(left) + CHUNK:
            buffer.extend(bytes(len(left) + CHUNK - len(buffer)))
        buffer[: len(left)] = left
        filled, searched = len(left), skip
        limit = self._piece + len(END)
        while (marker := self._find_marker(buffer, searched, min(filled, limit), fresh=fresh)) < 0 and filled < limit:
            searched = max(skip, filled - len(END))
            with memoryview(buffer) as view:
                count = self._stream.readinto(view[filled:]) or 0
            if not count:
                found = f"it ends within the data of {begin.table.decode(errors='replace')}"
                raise _build_refused(self._offset + filled, begin.line, found, "a whole dump")
            filled += count
        return filled, marker

    @staticmethod
    def _find_marker(buffer: bytearray, start: int, end: int, *, fresh: bool) -> int:
        if fresh and end >= 3 and buffer.startswith(b"\\.\n"):
            return 0
        if buffer.rfind(END, start, end) < 0:  # CPython's rfind takes half of find's time
            return -1
        return buffer.find(END, start, end) + 1

    def _cut(self, buffer: bytearray, marker: int) -> tuple[int, bool, bool]:
        """Size of the piece; whether the COPY ends with it; whether a row does."""
        if marker >= 0:
            return marker, True, True
        newline = buffer.rfind(b"\n", 0, self._piece) + 1
        return (newline, False, True) if newline else (self._piece, False, False)


def shorten(sql: bytes, most: int = 120) -> str:
    """Returns the beginning of a statement on one line: `most` letters."""
    text = " ".join(sql[: 4 * most].decode(errors="replace").split())
    return text if len(text) <= most else text[:most] + "..."


AGAIN = 'docs/dumps.md, "Which dumps, and what is asked": psql loads it into a scratch server; dump that with defaults'
ANOTHER = (
    "nothing behind this place was executed; take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
)


def _build_refused(offset: int, line: int, found: str, needed: str, fix: str = ANOTHER) -> PermanentError:
    return PermanentError.of(Problem(f"dump, line {line}, byte {offset}", found, needed, fix))


def _build_unqualified(offset: int, line: int) -> PermanentError:
    found = "names without their schema: the pg_dump is older than 10.3 and 9.6.8"
    return _build_refused(offset, line, found, "pg_dump of March 2018 or newer", AGAIN)
