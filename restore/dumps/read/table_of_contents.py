"""The table of contents of pg_dump's archive formats: its header, and the names of a directory's files.

pg_restore opens whatever file the table of contents names, also outside of the directory. The layout is that of
ReadHead and ReadToc in src/bin/pg_dump/pg_backup_archiver.c; it has kept its order since PostgreSQL 9.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from restore.errors import PermanentError, Problem

MAGIC = b"PGDMP"
OLDEST, NEWEST = (1, 12), (1, 16)
"""PostgreSQL 9.0 to 18."""
WITH_ALGORITHM = (1, 15)
"""From this version on one byte says how the archive is compressed; before, a number."""
TIME_FIELDS = 7
SAFE_NAME = re.compile(r"(?:[0-9]+\.dat|blobs(?:_[0-9]+)?\.toc)\Z")
BLOB_LINE = re.compile(rb"[0-9]+ (blob_[0-9]+\.dat)\Z")


@dataclass(frozen=True)
class Header:
    """What an archive begins with."""

    version: tuple[int, int]
    """Version of the archive's format."""
    database: str
    server_version: str


@dataclass(frozen=True)
class Contents:
    """What a toc.dat says."""

    database: str
    files: tuple[str, ...]
    """In the order in which pg_restore reads them."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._int_size = data, 0, 4

    def read_byte(self) -> int:
        self._at += 1
        if self._at > len(self._data):
            raise EOFError
        return self._data[self._at - 1]

    def set_int_size(self, size: int) -> None:
        self._int_size = size

    def read_integer(self) -> int:
        negative = self.read_byte() != 0
        value = sum(self.read_byte() << (8 * index) for index in range(self._int_size))
        return -value if negative else value

    def read_string(self) -> str | None:
        length = self.read_integer()
        if length < 0:
            return None
        if self._at + length > len(self._data):
            raise EOFError
        self._at += length
        return self._data[self._at - length : self._at].decode(errors="replace")


def read(data: bytes, subject: str) -> Contents:
    """Reads a toc.dat. Raises PermanentError for one that can't be read, and for a file name that pg_dump doesn't
    write."""
    reader = _Reader(data)
    try:
        head = _read_header(reader)
        _must_be_known(head.version)
        reader.read_string()  # pg_dump's version
        names = [_read_entry(reader, head.version) for _ in range(reader.read_integer())]
    except (EOFError, ValueError) as error:
        raise _build_refused(subject, str(error) or "it ends early") from error
    files = [name for name in names if name]
    bad = [name for name in files if not SAFE_NAME.match(name)]
    if bad:
        raise _build_refused(subject, f"a file named {bad[0][:80]!r}")
    return Contents(head.database, tuple(files))


def read_header(data: bytes) -> Header:
    """Reads the header from an archive's first bytes; of a format that is newer than those known as well. Raises
    ValueError."""
    try:
        return _read_header(_Reader(data))
    except EOFError as error:
        raise ValueError("it ends early") from error


def _read_header(reader: _Reader) -> Header:
    if bytes(reader.read_byte() for _ in range(len(MAGIC))) != MAGIC:
        raise ValueError("no archive")
    version = (reader.read_byte(), reader.read_byte())
    reader.read_byte()  # revision
    reader.set_int_size(reader.read_byte())
    reader.read_byte()  # bytes of an offset
    reader.read_byte()  # format
    if version >= WITH_ALGORITHM:
        reader.read_byte()
    else:
        reader.read_integer()
    for _ in range(TIME_FIELDS):
        reader.read_integer()
    return Header(version, reader.read_string() or "", reader.read_string() or "")


def _must_be_known(version: tuple[int, int]) -> None:
    """What comes after the header depends on it."""
    if not OLDEST <= version <= NEWEST:
        raise ValueError(f"archive version {version[0]}.{version[1]}")


def _read_entry(reader: _Reader, version: tuple[int, int]) -> str | None:
    """The entry's file; None for one without data."""
    reader.read_integer()
    reader.read_integer()
    for _ in range(4):  # two oids, tag, description
        reader.read_string()
    reader.read_integer()
    for _ in range(5):  # definition, drop, copy, schema, tablespace
        reader.read_string()
    if version >= (1, 14):
        reader.read_string()
    if version >= (1, 16):
        reader.read_integer()
    reader.read_string()
    reader.read_string()
    while reader.read_string() is not None:
        pass
    return reader.read_string()


def read_blob_list(data: bytes, subject: str) -> tuple[str, ...]:
    """Returns the files that a blobs.toc names. Raises PermanentError for a line that pg_dump doesn't write."""
    names: list[str] = []
    for line in data.splitlines():
        match = BLOB_LINE.match(line)
        if match is None:
            raise _build_refused(subject, f"a line {line[:80]!r}")
        names.append(match[1].decode())
    return tuple(names)


def _build_refused(subject: str, found: str) -> PermanentError:
    needed, fix = (
        "a table of contents as pg_dump writes it",
        "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/",
    )
    return PermanentError.of(Problem(f"dump {subject}", found, needed, fix))
