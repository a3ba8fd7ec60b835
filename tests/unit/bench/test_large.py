"""The bench reads each block once through its throttle, and computes nothing but its last step."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bench.large.data import NULL_EVERY, ORPHAN_EVERY, Seeded
from bench.large.model import FARTHEST, Measured, add_lookups, extrapolate, fit
from bench.large.volume import FETCHED_AT, SHARED_BYTES, compile_throttle

GB = 10**9
RUN = 512 << 10
READ = "import os, sys; f = os.open(sys.argv[1], os.O_RDONLY); [os.pread(f, 8192, int(at)) for at in sys.argv[2:]]"


def test_a_straight_line_is_found_again_and_none_begins_below_zero() -> None:
    line = fit([1, 2, 4], [12, 14, 18])
    assert (line.begin, line.slope) == (pytest.approx(10), pytest.approx(2))
    assert fit([1, 2, 4], [1, 3, 7]).begin == 0


def test_two_terabytes_are_the_line_through_what_was_measured_and_the_lookups_that_grow() -> None:
    sizes = (3 * GB, 12 * GB, 50 * GB)
    measured = [Measured(size, 10 + size / 50e6, 10 + size / 1000e6, 0, 0) for size in sizes]
    sample, full = extrapolate(measured, tables=2, checks=6)
    assert full == pytest.approx(10 + FARTHEST / 50e6)
    assert sample == pytest.approx(10 + FARTHEST / 1000e6 + add_lookups(FARTHEST, 2, 6))
    assert add_lookups(FARTHEST, 2, 6) > 100
    assert add_lookups(10 * GB, 2, 6) < 10


@pytest.mark.parametrize("rows", [6, 7, 100_000, 99_999])
def test_as_many_wrong_rows_are_expected_as_were_made(rows: int) -> None:
    numbers = range(1, rows + 1)
    assert Seeded(rows).nulls == sum(n % NULL_EVERY == 7 for n in numbers)
    assert Seeded(rows).orphans == sum(n % ORPHAN_EVERY == 1 for n in numbers)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_what_was_fetched_once_is_not_fetched_again_by_any_process(tmp_path: Path) -> None:
    library, state, file = compile_throttle(tmp_path), tmp_path / "state", tmp_path / "file"
    state.touch()
    os.truncate(state, SHARED_BYTES)
    file.write_bytes(bytes(3 * RUN + 100))
    throttled = {**os.environ, "LD_PRELOAD": str(library), "THROTTLE_FILE": str(state), "THROTTLE_RATE": "1e12"}

    def fetched_after(*places: int) -> int:
        command = [sys.executable, "-S", "-c", READ, str(file), *map(str, places)]
        subprocess.run(command, env=throttled, check=True)
        return struct.unpack_from("<Q", state.read_bytes(), FETCHED_AT)[0]

    assert fetched_after(0, 8192, RUN - 8192) == RUN
    assert fetched_after(0) == RUN
    assert fetched_after(RUN - 100) == 2 * RUN, "a read across two runs fetches both"
    assert fetched_after(3 * RUN) == 2 * RUN + 100, "the last run is as long as the file"
