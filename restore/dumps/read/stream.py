"""A dump as one stream of SQL text, whatever its format and compression."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from restore.dumps.model import Compression, Dump, Format
from restore.dumps.read import archive_format
from restore.dumps.read.decompress import Decompressed, Source, detect_compression
from restore.dumps.read.directory_format import Folder
from restore.dumps.read.s3_stream import RangedObject
from restore.dumps.read.transfer_marks import LineEnds, find_mark, has_terminal_line_ends
from restore.errors import PermanentError, Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from mypy_boto3_s3 import S3Client

BINARY_HEAD = 512
"""Bytes in which a zero byte tells a binary file; one further on is a damaged row, which the load names."""
HEAD = 4096
"""Bytes that tell the format: tar's magic stands at 257, and warnings in front of a plain dump take some KB."""


class Peeked:
    """A source whose first bytes were looked at."""

    def __init__(self, source: Source, subject: str) -> None:
        self._source = source
        parts: list[bytes] = []
        while sum(map(len, parts)) < HEAD and (part := bytes(source.read_chunk(HEAD))):
            parts.append(part)
        self.head = b"".join(parts)
        self._left = memoryview(self.head)
        self.subject = subject

    def read_chunk(self, most: int) -> memoryview:
        """Returns the bytes that were looked at again, then those of the source; `most` bytes or fewer. Raises as the
        source."""
        if self._left:
            data, self._left = self._left[:most], self._left[most:]
            return data
        return self._source.read_chunk(most)


class PlainText(io.RawIOBase):
    """A source as a stream."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills a buffer and returns the number of bytes; 0 at the end. Raises as the source."""
        view = memoryview(buffer).cast("B")
        data = self._source.read_chunk(len(view))
        view[: len(data)] = data
        return len(data)


class SqlStream:
    """The SQL text of a dump. Opening reads the first bytes only; close it in any case."""

    def __init__(self, s3: S3Client, dump: Dump, pg_restore: str | None, stop: threading.Event) -> None:
        self.dump = dump
        self._archive: archive_format.Converted | None = None
        self.compression = Compression.NONE
        self._folder: Folder | None = None
        self._whole: RangedObject | None = None
        try:
            if dump.parts:
                self.format, self._stream = Format.DIRECTORY, self._open_directory(s3, pg_restore, stop)
            else:
                self._whole = RangedObject(s3, dump.bucket, dump.key, dump.size, dump.etag, dump.version_id)
                self.format, self._stream = self._open(self._whole, pg_restore, stop)
        except BaseException:
            self.close()
            raise

    def _open(self, whole: RangedObject, pg_restore: str | None, stop: threading.Event) -> tuple[Format, io.RawIOBase]:
        stored = Peeked(whole, self.dump.url)
        self.compression = detect_compression(stored.head)
        text = stored
        if self.compression is not Compression.NONE:
            text = Peeked(Decompressed(stored, self.compression, f"dump {self.dump.url}"), self.dump.url)
        kind = archive_format.detect_format(text.head)
        if kind is None:
            if mark := find_mark(self.dump, text.head):
                raise PermanentError.of(mark)
            if b"\0" in text.head[:BINARY_HEAD] or not text.head.strip():
                raise PermanentError.of(_build_unknown(self.dump, text.head))
            return Format.PLAIN, PlainText(LineEnds(text) if has_terminal_line_ends(text.head) else text)
        return kind, self._convert(
            [f"--format={kind.value}"], archive_format.pipe_archive(text, stop), pg_restore, stop
        )

    def _convert(
        self, arguments: list[str], feed: archive_format.Feed, pg_restore: str | None, stop: threading.Event
    ) -> io.RawIOBase:
        self._archive = archive_format.Converted(arguments, feed, pg_restore, self.dump.url, stop)
        return self._archive

    def _open_directory(self, s3: S3Client, pg_restore: str | None, stop: threading.Event) -> io.RawIOBase:
        self._folder = Folder(s3, self.dump, stop)
        return self._convert(["--format=directory", str(self._folder.path)], self._folder.feed, pg_restore, stop)

    @property
    def reader(self) -> str:
        """The program that makes the text: another version may write it otherwise."""
        return self._archive.program if self._archive else self.format.value

    @property
    def database(self) -> str | None:
        """Name of the dumped database, where the format holds it."""
        return self._folder.database if self._folder else None

    @property
    def bytes_read(self) -> int:
        """Bytes read so far, as stored."""
        source = self._whole or self._folder
        return source.bytes_read if source else 0

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills a buffer with SQL text and returns the number of bytes; 0 at the end. Raises PermanentError for a
        damaged or changed dump, TemporaryError when S3 doesn't answer or the load is stopped."""
        return self._stream.readinto(buffer) or 0

    def close(self) -> None:
        """Ends what reads, and removes what it made on disk."""
        if self._archive:
            self._archive.close()
        for item in (self._whole, self._folder):
            if item:
                item.close()


def _build_unknown(dump: Dump, head: bytes) -> Problem:
    found = "an empty file" if not head.strip() else f"a file that begins with {head[:8]!r}"
    needed = "pg_dump's plain, custom, directory or tar format; plain also as gzip, zstd, lz4, bzip2 or xz"
    return Problem(f"dump {dump.url}", found, needed, "python -m restore.dumps list s3://<bucket>/<prefix>/")
