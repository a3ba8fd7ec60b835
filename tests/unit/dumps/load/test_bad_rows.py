"""A row that the server refuses is taken out of its batch: no other goes with it, and the lines are the dump's."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest

from restore.dumps.connections import build_failure, is_refusal
from restore.dumps.load.not_loaded import MOST_LINES, NotLoadedList, render_rows
from restore.dumps.load.work_queue import CopyBatch
from restore.dumps.load.workers import Pieces, find_line
from restore.dumps.model import OnError
from restore.dumps.sql.splitter import CopyBegin, Piece
from restore.errors import PermanentError

BEGIN = CopyBegin(b"COPY public.t FROM stdin", b"public.t", 1, 0, 1)
ROWS = [b"1\ta\n", b"2\tbb\n", b"3\tccc\n", b"4\td\n"]


def refused(state: str, context: str, severity: str = "ERROR") -> psycopg.Error:
    diag = SimpleNamespace(context=context, message_primary="no", message_detail=None, severity_nonlocalized=severity)
    error = SimpleNamespace(sqlstate=state, diag=diag)
    return cast("psycopg.Error", error)


def pieces(*contents: bytes, whole: bool = True) -> Pieces:
    def take() -> Iterator[Piece]:
        for index, content in enumerate(contents):
            last = index == len(contents) - 1
            buffer = bytearray(content + b"behind the rows")
            yield Piece(BEGIN, buffer, len(content), content.count(b"\n"), 0, 0, 10, whole or last, last)

    return Pieces(take(), CopyBatch(BEGIN, 0, 10, 0, freeze=False))


def read(batch: Pieces, *bad: int) -> bytes:
    return b"".join(bytes(part) for part in batch.read(dict.fromkeys(bad, "bad")))


@pytest.mark.parametrize("bad", [(), (0,), (3,), (1, 2), (0, 1, 2, 3), (0, 3)])
def test_all_rows_but_the_bad_ones_are_sent_again(bad: tuple[int, ...]) -> None:
    batch = pieces(b"".join(ROWS))
    assert read(batch) == b"".join(ROWS)
    assert read(batch, *bad) == b"".join(row for number, row in enumerate(ROWS) if number not in bad)
    assert (batch.rows, batch.bytes) == (4, sum(map(len, ROWS)))


@pytest.mark.parametrize(("line", "bad", "row"), [(1, (), 0), (4, (), 3), (1, (0,), 1), (2, (0, 2), 3), (2, (1,), 2)])
def test_the_servers_line_is_that_of_what_was_sent(line: int, bad: tuple[int, ...], row: int) -> None:
    batch = pieces(b"".join(ROWS))
    read(batch)
    assert batch.find_row(refused("22P02", f"COPY t, line {line}, column a"), bad) == row


@pytest.mark.parametrize(
    ("state", "context"),
    [("42883", "COPY t, line 1"), ("23505", ""), ("22P02", "COPY t, line 5")],
    ids=["every row would fail", "no line", "a line behind the batch"],
)
def test_an_error_that_is_of_no_single_row_leaves_the_batch_out(state: str, context: str) -> None:
    batch = pieces(b"".join(ROWS))
    read(batch)
    assert batch.find_row(refused(state, context), ()) is None


def test_a_row_of_several_pieces_is_left_out_as_a_whole_and_counted() -> None:
    batch = pieces(b"1\taaaa", b"aaaa", b"a\n2\tb\n", whole=False)
    read(batch)
    assert batch.find_row(refused("22P02", "COPY t, line 1"), ()) is None
    batch.drop()
    assert batch.rows == 2


@pytest.mark.parametrize("state", ["22P02", "23505", "42501", "42P01", "0A000", "XX000", "55000", "58P01", "P0001"])
def test_what_concerns_one_statement_ends_no_load(state: str) -> None:
    assert is_refusal(refused(state, ""))


@pytest.mark.parametrize("state", ["", "08P01", "25006", "40P01", "53100", "53200", "55P03", "57014", "XX001"])
def test_what_concerns_the_server_ends_the_load(state: str) -> None:
    assert not is_refusal(refused(state, ""))


@pytest.mark.parametrize("state", ["08006", "28000", "40001", "57P01", "57P03", "F0000"])
def test_the_end_of_a_session_that_a_statement_only_tells_of_stops_no_load_for_ever(state: str) -> None:
    """postgres_fdw has 08001 when its server doesn't answer (contrib/postgres_fdw/connection.c); RAISE takes any."""
    brought_along, real = refused(state, ""), refused(state, "", "FATAL")
    assert (is_refusal(brought_along), is_refusal(real)) == (True, False)
    assert isinstance(build_failure(brought_along, "dump, line 7"), PermanentError)
    assert not isinstance(build_failure(refused("57P01", "", "FATAL"), "dump, line 7"), PermanentError)


def test_a_bad_row_among_millions_is_found_without_a_list_of_all() -> None:
    rows = [b"%d\n" % number for number in range(100_000)]
    buffer = bytearray(b"".join(rows) + b"\\.\n1\n")
    size = buffer.index(b"\\")
    for number in (0, 1, 17_000, 99_999):
        start, end = find_line(buffer, size, number)
        assert buffer[start:end] == rows[number]


def test_a_table_full_of_bad_rows_is_not_searched_row_by_row() -> None:
    lost = NotLoadedList(OnError.CONTINUE)
    for line in range(MOST_LINES):
        assert lost.may_search("public.t")
        lost.add_rows("public.t", line, 1, "no")
    assert not lost.may_search("public.t")
    assert lost.may_search("public.u")
    assert [(item.name, item.line) for item in lost.list_all()] == [("public.t", 0)]


def test_rows_are_told_by_their_first_lines() -> None:
    assert render_rows(1, [(7, "no")]) == "1 row refused: line 7: no"
    told = render_rows(9, [(9, "no"), (5, "no"), (7, "no"), (6, "other"), (8, "no")])
    assert told == "9 rows refused: lines 5, 7, 8 and 1 more: no; line 6: other"
