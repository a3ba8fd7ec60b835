"""A stream that is read ahead ends as often as it is asked."""

from __future__ import annotations

import io

import pytest

from restore.dumps.read.readahead import Ahead
from restore.errors import PermanentError


@pytest.mark.timeout(10)
def test_the_end_of_a_cut_dump_asked_for_twice_never_hangs() -> None:
    ahead = Ahead(io.BytesIO(b"cut"))
    buffer = bytearray(8)
    try:
        assert [ahead.readinto(buffer) for _ in range(3)] == [3, 0, 0]
    finally:
        ahead.close()


class Damaged(io.RawIOBase):
    def readinto(self, buffer: object, /) -> int:
        raise PermanentError("damaged")


def test_an_error_of_the_stream_is_raised_to_its_reader() -> None:
    ahead = Ahead(Damaged())
    try:
        with pytest.raises(PermanentError, match="damaged"):
            ahead.readinto(bytearray(8))
    finally:
        ahead.close()
