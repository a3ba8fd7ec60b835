"""What terminals, shells and tools leave in a plain dump on its way to a file: line ends are taken back, all else is
refused by its name, with the cure. Pure."""

from __future__ import annotations

from restore.dumps.model import Dump
from restore.dumps.read.decompress import Source
from restore.errors import Problem

UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
TITLE = b"PostgreSQL database dump"
CRLF_BEGINNING = b"--\r\n"
BEGINNINGS = (b"--", b"\\restrict ", b"SET ")


class LineEnds:
    """A source whose lines end with CR and LF, as `docker exec -t` makes them of every LF: they end with LF again.

    pg_dump escapes each CR in rows, so none of a row's own is lost; psql would leave them in functions' bodies.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held = b""

    def read_chunk(self, most: int) -> memoryview:
        """Returns the next bytes, `most` or fewer; none at the end. Raises as the source."""
        while data := bytes(self._source.read_chunk(max(1, most - 1))):
            data = self._held + data
            self._held = b"\r" if data.endswith(b"\r") else b""
            text = data[: len(data) - len(self._held)].replace(b"\r\n", b"\n")
            if text:
                return memoryview(text)
        held, self._held = self._held, b""
        return memoryview(held)


def has_terminal_line_ends(head: bytes) -> bool:
    """Tells by its first bytes whether a plain dump came through a terminal."""
    return head.startswith(CRLF_BEGINNING)


def find_mark(dump: Dump, head: bytes) -> Problem | None:
    """Returns what stands in front of a plain dump, or how it was turned into another encoding; None for nothing."""
    needed = "the bytes that pg_dump wrote"
    if head.startswith(UTF8_MARK):
        fix = f"aws s3 cp {dump.url} - | tail -c +4 | aws s3 cp - {dump.url}.clean"
        return Problem(f"dump {dump.url}", "a byte order mark in front: an editor or PowerShell saved it", needed, fix)
    if head.startswith(UTF16_MARKS):
        fix = f"aws s3 cp {dump.url} - | iconv -f UTF-16 -t UTF-8 | aws s3 cp - {dump.url}.clean"
        return Problem(f"dump {dump.url}", "UTF-16: PowerShell's > wrote it (pg_dump --file doesn't)", needed, fix)
    before, title, _ = head.partition(TITLE)
    if title and not before.lstrip().startswith(BEGINNINGS):
        line = before.lstrip().splitlines()[0].decode(errors="replace")[:100]
        lines = before.count(b"\n") - 1  # a line of "--" stands above the title
        fix = f"aws s3 cp {dump.url} - | tail -n +{lines + 1} | aws s3 cp - {dump.url}.clean"
        return Problem(f"dump {dump.url}", f"another program's words in front: {line}", needed, fix)
    return None
