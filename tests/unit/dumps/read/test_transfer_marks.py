"""What a dump's way to the file has done to it is undone, or named with the cure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from restore.dumps.model import Dump
from restore.dumps.read.transfer_marks import LineEnds, find_mark, has_terminal_line_ends

DUMP = Dump("b", "nightly.sql", 100, datetime(2026, 11, 22, tzinfo=UTC), "etag")
GOOD = b"--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n"
DATA = b"COPY public.t (a) FROM stdin;\n1\t\\r\n\\.\n\nCREATE FUNCTION f() AS 'a\r\nb\rc';\n\r"


class Chunks:
    def __init__(self, data: bytes, most: int) -> None:
        self._data, self._most = memoryview(data), most

    def read_chunk(self, most: int) -> memoryview:
        data, self._data = self._data[: min(most, self._most)], self._data[min(most, self._most) :]
        return data


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("asked", [2, 3, 1000])
def test_every_line_end_of_a_terminal_is_taken_back_wherever_the_reads_are_cut(most: int, asked: int) -> None:
    through_a_terminal = (GOOD + DATA).replace(b"\n", b"\r\n")
    assert has_terminal_line_ends(through_a_terminal)
    source = LineEnds(Chunks(through_a_terminal, most))
    parts = list(iter(lambda: bytes(source.read_chunk(asked)), b""))
    assert all(len(part) <= asked for part in parts)
    assert b"".join(parts) == GOOD + DATA


@pytest.mark.parametrize(
    ("head", "says", "fix"),
    [
        (b"\xef\xbb\xbf" + GOOD, "byte order mark", "tail -c +4"),
        (("\ufeff" + GOOD.decode()).encode("utf-16-le"), "UTF-16", "iconv -f UTF-16"),
        (b'Defaulted container "postgres" out of: postgres, exporter\n' + GOOD, "Defaulted container", "tail -n +2"),
        (b"one\ntwo\n" + GOOD, "in front: one", "tail -n +3"),
    ],
)
def test_what_stands_in_front_is_named_with_the_command_that_takes_it_off(head: bytes, says: str, fix: str) -> None:
    problem = find_mark(DUMP, head)
    assert problem
    assert says in problem.found
    assert fix in problem.fix


@pytest.mark.parametrize("head", [GOOD, b"\n\n" + GOOD, GOOD[3:], b"SET x = 1;\n" + GOOD, b"INSERT INTO t", b""])
def test_a_dump_as_pg_dump_writes_it_has_no_mark(head: bytes) -> None:
    assert find_mark(DUMP, head) is None
    assert not has_terminal_line_ends(head)


def test_a_warning_of_pg_dump_in_front_goes_as_a_whole_by_the_printed_command() -> None:
    """`docker exec -t` joins pg_dump's stderr and stdout; its hint about circular foreign keys has dashes."""
    warning = (
        b"pg_dump: warning: there are circular foreign-key constraints on this table:\r\n"
        b"pg_dump: hint: You might not be able to restore the dump without using --disable-triggers.\r\n"
        b"pg_dump: hint: Consider using a full dump instead of a --data-only dump to avoid this problem.\r\n"
    )
    problem = find_mark(DUMP, warning + b"--\r\n-- PostgreSQL database dump\r\n--\r\n")
    assert problem
    assert "tail -n +4 |" in problem.fix
