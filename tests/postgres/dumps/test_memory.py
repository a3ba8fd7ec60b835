"""A small object that inflates to much doesn't take the loader's machine with it."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.machine.processes import wait_until
from tests.support.dumps.bucket import Bucket
from tests.support.dumps.dump_process import Loader
from tests.support.dumps.dump_server import DumpServer

MEGABYTE = 1 << 20
LIMIT_MB = 200
INFLATED = 250 * MEGABYTE
ROWS = b"COPY public.posts (id, user_id, body) FROM stdin;\n"


def inflating(before: bytes, piece: bytes, after: bytes) -> bytes:
    """Members of gzip, each of which inflates to the piece: as good as free to make."""
    member = gzip.compress(piece, 9)
    return gzip.compress(before) + member * (INFLATED // len(piece)) + gzip.compress(after)


def rows(small: bytes) -> bytes:
    """Rows of 100 KB that the server's own compression makes small; their keys are left out."""
    start = small.index(ROWS) + len(ROWS)
    end = small.index(b"\\.\n", start)
    after = re.sub(
        rb"ALTER TABLE ONLY public\.posts\n    ADD CONSTRAINT posts_pkey PRIMARY KEY \(id\);", b"", small[end:]
    )
    row = b"7\t7\t" + b"x" * 100_000 + b"\n"
    return inflating(small[:start], row * 10, after)


def statement(small: bytes) -> bytes:
    start = small.index(b"CREATE TABLE public.posts")
    return inflating(small[:start] + b"COMMENT ON SCHEMA public IS '", b"x" * MEGABYTE, b"';\n" + small[start:])


def comment(small: bytes) -> bytes:
    start = small.index(b"CREATE TABLE public.posts")
    return inflating(small[:start] + b"-- ", b"x" * MEGABYTE, b"\n" + small[start:])


def meta(small: bytes) -> bytes:
    return inflating(b"\\restrict ", b"x" * MEGABYTE, b"\n" + small)


def blanks(small: bytes) -> bytes:
    start = small.index(b"CREATE TABLE public.posts")
    return inflating(small[:start], b" \n" * (MEGABYTE // 2), small[start:])


def high_water_mb(process: subprocess.Popen[bytes]) -> float:
    """The peak of resident memory of the process, watched until it ends."""
    peak = 0

    def ended() -> bool:
        nonlocal peak
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
        peak = max(peak, int(found[1]) if found else 0)
        return process.poll() is not None

    wait_until(ended, 120, "the end of the load")
    return peak / 1024


@pytest.mark.parametrize(
    ("make", "loads"), [(rows, True), (blanks, True), (statement, False), (comment, None), (meta, False)]
)
def test_memory_stays_small_whatever_a_dump_inflates_to(
    server: DumpServer, bucket: Bucket, small: bytes, target: str, make: Callable[[bytes], bytes], loads: bool | None
) -> None:
    content = make(small)
    assert len(content) < INFLATED / 50
    loader = Loader(server, bucket, bucket.put("bomb.sql.gz", content), target)
    with loader.running() as process:
        assert high_water_mb(process) < LIMIT_MB
        if loads is not None:
            assert (process.returncode == 0) is loads
