"""Compressed streams, strictly: a wrong checksum, a cut end or trailing bytes are errors, never an early end."""

from __future__ import annotations

import io
import lzma
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from restore.dumps.model import MIB, Compression
from restore.errors import PermanentError, Problem

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 128 << 10
"""Input per call. What is left behind the end of a frame is copied, so many small frames want small pieces."""
LARGEST_WINDOW = 96 * MIB
"""xz's dictionary, as `xz -9` needs it: the file says how much memory its reader takes."""
LARGEST_ZSTD_WINDOW = 26
"""log2; `zstd -19` needs 23, `zstd --long` 27."""
MAGIC = {
    b"\x1f\x8b": Compression.GZIP,
    b"\x28\xb5\x2f\xfd": Compression.ZSTD,
    b"\x04\x22\x4d\x18": Compression.LZ4,
    b"BZh": Compression.BZIP2,
    b"\xfd7zXZ\x00": Compression.XZ,
}


class Source(Protocol):
    """Bytes in order."""

    def read_chunk(self, most: int) -> memoryview:
        """Returns the next bytes, at most that many; empty at the end. Raises PermanentError, TemporaryError."""
        ...


class Decompressor(Protocol):
    """What bz2, lzma, zstd, lz4 and isal have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> Any: ...
    def decompress(self, data: Any, /, max_length: int = -1) -> bytes: ...


def detect_compression(head: bytes) -> Compression:
    """Returns which compression the first bytes show."""
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), Compression.NONE)


def _make_gzip() -> Decompressor:
    from isal import igzip_lib

    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _make_zstd() -> Decompressor:
    from backports import zstd

    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: LARGEST_ZSTD_WINDOW})


def _make_lz4() -> Decompressor:
    import lz4.frame

    untyped: Any = lz4.frame
    return untyped.LZ4FrameDecompressor()


def _make_bzip2() -> Decompressor:
    import bz2

    return bz2.BZ2Decompressor()


def _make_xz() -> Decompressor:
    return lzma.LZMADecompressor(memlimit=LARGEST_WINDOW)


MAKERS: dict[Compression, Callable[[], Decompressor]] = {
    Compression.GZIP: _make_gzip,
    Compression.ZSTD: _make_zstd,
    Compression.LZ4: _make_lz4,
    Compression.BZIP2: _make_bzip2,
    Compression.XZ: _make_xz,
}


class Decompressed(io.RawIOBase):
    """The content of one or more frames one after the other. Errors are PermanentErrors that name the stored byte."""

    def __init__(self, source: Source, kind: Compression, subject: str) -> None:
        self._source, self._kind, self._subject = source, kind, subject
        self._frame: Decompressor | None = None
        self._left = memoryview(b"")
        self._consumed = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills a buffer with decompressed bytes and returns their number; 0 at the end. Raises PermanentError for
        damaged or truncated data."""
        view = memoryview(buffer).cast("B")
        data = self._read_some(len(view))
        view[: len(data)] = data
        return len(data)

    def read_chunk(self, most: int) -> memoryview:
        """Returns the next decompressed bytes, `most` or fewer; none at the end. Raises as `readinto`."""
        return memoryview(self._read_some(min(most, MIB)))

    def _read_some(self, most: int) -> bytes:
        """Some bytes, at most that many; empty at the end of the last frame only."""
        while True:
            if self._frame is None and not self._begin_next_frame():
                return b""
            data = self._read_step(most)
            if data:
                return data

    def _read_step(self, most: int) -> bytes:
        frame = self._frame
        assert frame is not None
        data = self._decompress(frame, self._read_input() if frame.needs_input else memoryview(b""), most)
        if frame.eof:
            self._left = memoryview(frame.unused_data or b"")
            self._consumed -= len(self._left)
            self._frame = None
        return data

    def _read_input(self) -> memoryview:
        data = self._take()
        if not data:
            raise self._build_damaged("it ends within a compressed frame")
        return data

    def _take(self) -> memoryview:
        data, self._left = self._left or self._source.read_chunk(PIECE), memoryview(b"")
        self._consumed += len(data)
        return data

    def _begin_next_frame(self) -> bool:
        data = self._take()
        while self._consumed > len(data) and data and self._kind is Compression.GZIP and not any(data):
            data = self._take()  # gzip allows zeros behind the last member: tapes pad with them
        if not data:
            return False
        self._left = data
        self._consumed -= len(data)
        self._frame = MAKERS[self._kind]()
        return True

    def _decompress(self, frame: Decompressor, data: memoryview, most: int) -> bytes:
        try:
            return frame.decompress(data, most)
        except Exception as error:
            if _is_expected(error):
                raise self._build_damaged(str(error)) from error
            raise

    def _build_damaged(self, found: str) -> PermanentError:
        needed = f"whole {self._kind} data: right checksums, no cut end, nothing behind it"
        fix = "take another dump: python -m restore.dumps list s3://<bucket>/<prefix>/"
        return PermanentError.of(Problem(f"{self._subject}, near stored byte {self._consumed}", found, needed, fix))


def _is_expected(error: Exception) -> bool:
    """The libraries' errors about data; their modules have no common base."""
    own = type(error).__module__.split(".", 1)[0]
    return isinstance(error, OSError | EOFError | RuntimeError | ValueError) or own in (
        "isal",
        "igzip_lib",
        "zlib",
        "backports",
        "_lzma",
        "lzma",
        "lz4",
    )
