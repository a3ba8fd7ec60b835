"""A damaged stream is never taken for its end."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from typing import Any

import lz4.frame
import pytest
from backports import zstd

from restore.dumps.model import Compression
from restore.dumps.read.decompress import Decompressed, detect_compression
from restore.errors import PermanentError

untyped: Any = lz4.frame
RAW = b"".join(random.Random(1).randbytes(40) + b"hello world " * 30 for _ in range(300))
PACKERS: dict[Compression, Callable[[bytes], bytes]] = {
    Compression.GZIP: gzip.compress,
    Compression.ZSTD: lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
    Compression.LZ4: lambda data: untyped.compress(data, content_checksum=True),
    Compression.BZIP2: bz2.compress,
    Compression.XZ: lzma.compress,
}
KINDS = pytest.mark.parametrize("kind", PACKERS)


class Chunks:
    def __init__(self, data: bytes, most: int) -> None:
        self._data, self._most = memoryview(data), most

    def read_chunk(self, most: int) -> memoryview:
        data, self._data = self._data[: min(most, self._most)], self._data[min(most, self._most) :]
        return data


def unpacked(data: bytes, kind: Compression, step: int = 1 << 20) -> bytes:
    stream = Decompressed(Chunks(data, step), kind, "x")
    return b"".join(iter(lambda: bytes(stream.read_chunk(70_000)), b""))


@KINDS
@pytest.mark.parametrize("step", [7, 1 << 20])
def test_several_frames_are_one_stream(kind: Compression, step: int) -> None:
    packed = PACKERS[kind](RAW)
    assert detect_compression(packed) is kind
    assert unpacked(packed + packed, kind, step) == RAW + RAW


@KINDS
def test_a_cut_or_longer_stream_is_an_error(kind: Compression) -> None:
    packed = PACKERS[kind](RAW)
    for damaged in (packed[:-1], packed[:-4], packed[: len(packed) // 2], packed[:5], packed + b"garbage!"):
        with pytest.raises(PermanentError, match="stored byte"):
            unpacked(damaged, kind)


@KINDS
def test_a_flipped_bit_never_changes_the_content(kind: Compression) -> None:
    packed, chance = PACKERS[kind](RAW), random.Random(2)
    for _ in range(30):
        damaged = bytearray(packed)
        damaged[chance.randrange(10, len(packed))] ^= 1 << chance.randrange(8)
        assert content_or_error(bytes(damaged), kind) in (RAW, None)  # some bits mean nothing


def content_or_error(data: bytes, kind: Compression) -> bytes | None:
    try:
        return unpacked(data, kind)
    except PermanentError:
        return None


def test_zeros_behind_a_gzip_member_are_padding() -> None:
    assert unpacked(gzip.compress(RAW) + bytes(300_000), Compression.GZIP) == RAW


def test_a_file_does_not_choose_how_much_memory_its_reader_takes() -> None:
    greedy = lzma.compress(RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 128 << 20}])
    with pytest.raises(PermanentError, match=r"(?i)memory"):
        unpacked(greedy, Compression.XZ)
