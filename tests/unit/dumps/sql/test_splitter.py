"""A dump is cut as psql cuts it, and in the same pieces whatever the reads were."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from restore.dumps.sql.splitter import NOTHING, CopyBegin, End, Event, Meta, Piece, Seen, Splitter, Statement
from restore.errors import PermanentError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DUMP = rb"""--
-- PostgreSQL database dump
--
\restrict abc

-- Dumped from database version 16.4 (Debian 16.4-1)
-- Dumped by pg_dump version 17.10

SET x = 'a;b''c';
CREATE FUNCTION a() RETURNS text LANGUAGE sql AS $_$ select 'x
COPY public.t (a) FROM stdin;
\.
$$ ; $x$ $_$;
CREATE FUNCTION b() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN 1=1 THEN 2 END; SELECT 3; END;
CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC SELECT 1; END;
/* c /* nested ; */ ; */ SELECT E'it\'s ; \\', "we""ird;" , 1$ , a$b$c;
CREATE RULE r AS ON INSERT TO v DO INSTEAD ( SELECT 1; SELECT 2; );
COPY public.t (a) FROM stdin;
1\t\\.
\\.
x\.
2
\.


COPY public.e  FROM stdin;
\.

COPY public.long (a, "b;(") FROM stdin;
%s
z
%s
%s
\.

SELECT pg_catalog.setval('public.s', 3, true);
--
-- PostgreSQL database dump complete
--

\unrestrict abc
""" % (b"y" * 200, b"w" * 64, b"v" * 63)
PIECE = 64


class Reads(io.RawIOBase):
    """Gives a few bytes at a time."""

    def __init__(self, data: bytes, sizes: Iterator[int]) -> None:
        self._file, self._sizes = io.BytesIO(data), sizes

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        return self._file.readinto(view[: min(len(view), next(self._sizes))])


def every(size: int) -> Iterator[int]:
    while True:
        yield size


def at_random(seed: int) -> Iterator[int]:
    source = random.Random(seed)
    while True:
        yield source.randint(1, 50)


def facts(event: Event) -> tuple[object, ...]:
    match event:
        case Piece():
            return (
                "piece",
                event.begin.block,
                event.at,
                event.line,
                bytes(event.buffer[: event.size]),
                event.whole,
                event.last,
                event.rows,
            )
        case Statement() | CopyBegin():
            return type(event).__name__, event.sql, event.offset, event.line
        case Meta():
            return "meta", event.text, event.offset, event.line
        case End():
            return "end", event.bytes, event.complete


def split(
    data: bytes, sizes: Iterator[int], piece: int = PIECE, seen: Mapping[bytes, Seen] | None = None
) -> list[tuple[object, ...]]:
    tables = seen or {}
    splitter = Splitter(
        Reads(data, sizes), lambda: bytearray(piece + 16), piece, seen=lambda name: tables.get(name, NOTHING)
    )
    return [facts(event) for event in splitter.read_events()]


@pytest.fixture(scope="module")
def whole() -> list[tuple[object, ...]]:
    return split(DUMP, every(len(DUMP)))


def test_what_looks_like_data_or_an_end_within_quotes_is_neither(whole: list[tuple[object, ...]]) -> None:
    statements = [item[1] for item in whole if item[0] == "Statement"]
    assert [bytes(str(text), "ascii")[2:15] for text in statements][:3] == [
        b"SET x = 'a;b''"[:13],
        b"CREATE FUNCTI",
        b"CREATE FUNCTI",
    ]
    assert len(statements) == 7
    assert [item[1] for item in whole if item[0] == "CopyBegin"] == [
        b"COPY public.t (a) FROM stdin",
        b"COPY public.e  FROM stdin",
        b'COPY public.long (a, "b;(") FROM stdin',
    ]
    assert whole[-1] == ("end", len(DUMP), True)


def test_every_offset_and_line_names_its_place(whole: list[tuple[object, ...]]) -> None:
    placed = [item for item in whole if item[0] in ("Statement", "CopyBegin", "meta")]
    assert {item[0] for item in placed} == {"Statement", "CopyBegin", "meta"}
    for _, text, offset, line in placed:
        assert isinstance(text, bytes)
        assert isinstance(offset, int)
        assert text
        assert DUMP[offset:].startswith(text)
        assert line == DUMP[:offset].count(b"\n") + 1


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 40])
def test_pieces_do_not_depend_on_the_reads(whole: list[tuple[object, ...]], size: int) -> None:
    assert split(DUMP, every(size)) == whole


@pytest.mark.parametrize("seed", range(20))
def test_pieces_do_not_depend_on_chance(whole: list[tuple[object, ...]], seed: int) -> None:
    assert split(DUMP, at_random(seed)) == whole


@pytest.mark.parametrize("piece", range(4, 300, 23))
def test_no_byte_of_the_data_is_lost_or_doubled(piece: int) -> None:
    found = split(DUMP, at_random(piece), piece)
    assert [data(found, block) for block in (1, 2, 3)] == [
        rows_behind(b"\nCOPY public.t (a) FROM stdin;\n1"),
        b"",
        rows_behind(b'COPY public.long (a, "b;(") FROM stdin;\ny'),
    ]


def rows_behind(copy: bytes) -> bytes:
    """The dump's text from a COPY with the first byte of its data up to the line that ends them."""
    begin = DUMP.index(copy) + len(copy) - 1
    return DUMP[begin : DUMP.index(b"\n\\.\n", begin) + 1]


def data(events: list[tuple[object, ...]], block: int) -> bytes:
    return b"".join(item[4] for item in events if item[:2] == ("piece", block) and isinstance(item[4], bytes))


def test_a_row_longer_than_a_piece_is_never_cut_into_two_rows(whole: list[tuple[object, ...]]) -> None:
    long = [item for item in whole if item[:2] == ("piece", 3)]
    assert [item[5] for item in long] == [False, False, False, True, False, True]


def seen_of(whole: list[tuple[object, ...]]) -> dict[bytes, Seen]:
    tables = enumerate((b"public.t", b"public.e", b"public.long"), 1)
    return {table: Seen(len(data(whole, block)), rows(whole, block)) for block, table in tables}


def rows(events: list[tuple[object, ...]], block: int) -> list[int]:
    """Of each piece, counted by the test."""
    return [item[4].count(b"\n") for item in events if item[:2] == ("piece", block) and isinstance(item[4], bytes)]


@pytest.mark.parametrize("size", [1, 5, 63, 64, 67, 1000])
def test_an_end_that_is_known_is_found_where_it_is(whole: list[tuple[object, ...]], size: int) -> None:
    assert split(DUMP, every(size), seen=seen_of(whole)) == whole


@pytest.mark.parametrize("more", [-4, -1, 1, 4, 1000])
@pytest.mark.parametrize("table", [b"public.t", b"public.long"])
def test_a_dump_that_is_not_the_one_that_was_read_before_is_no_success(
    whole: list[tuple[object, ...]], table: bytes, more: int
) -> None:
    seen = Seen(seen_of(whole)[table].bytes + more)
    with pytest.raises(PermanentError, match=r"as when it was read before|it ends within the data"):
        split(DUMP, every(50), seen={table: seen})


def test_rows_that_were_counted_before_are_not_counted_again_and_others_are(whole: list[tuple[object, ...]]) -> None:
    size = len(data(whole, 3))
    found = split(DUMP, every(50), seen={b"public.long": Seen(size, [70, 0])})
    told = [item[-1] for item in found if item[:2] == ("piece", 3)]
    assert told == [70, 0, *rows(whole, 3)[2:]]


def test_the_versions_in_the_head_are_read() -> None:
    splitter = Splitter(Reads(DUMP, every(4096)), lambda: bytearray(PIECE + 16), PIECE)
    list(splitter.read_events())
    assert splitter.versions == {"from database": "16.4", "by pg_dump": "17.10"}


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1",
        b"COPY public.t (a) FROM PROGRAM 'id';",
        b"COPY public.t (a) FROM '/etc/passwd';",
        b"COPY public.t (a) FROM stdin WITH (FORMAT csv);\n1\n\\.\n",
        b"copy (select 1) to program 'x';",
        b"COPY public.t (a) FROM stdin;\n1\n",
        b"COPY public.t (a) FROM stdin; SELECT 1;\n\\.\n",
        b"select 'abc",
        b"select $$a",
        b"SELECT 1 \\! id\n;",
        b"/* x",
        pytest.param(b"SELECT '" + b"x" * (17 << 20), id="endless"),
    ],
)
def test_what_psql_would_read_otherwise_is_refused(text: bytes) -> None:
    with pytest.raises(PermanentError, match=r"line 1, byte \d+"):
        split(text, every(1 << 20))


def test_a_last_line_before_the_end_does_not_make_it_complete() -> None:
    text = b"-- PostgreSQL database dump complete\nSET x = 1;\n"
    assert split(text, every(7))[-1] == ("end", len(text), False)


INSERTS = rb"""INSERT INTO public.t VALUES (1, 'a;b', NULL);
INSERT INTO public.t VALUES (2, ');
INSERT INTO public.t VALUES (3, ''', -1.5e+3);
INSERT INTO public."odd; name" (a, "b)") OVERRIDING SYSTEM VALUE VALUES
	(1, '--', $$;$$),
	(2, '\');
INSERT INTO public."odd; name" (a, "b)") VALUES
	(1, 'x
y', B'01'),
	(2, '$$', true) ON CONFLICT DO NOTHING;
INSERT INTO public.t SELECT 1; INSERT INTO public.t VALUES (E'\'; '); INSERT INTO public.t DEFAULT VALUES;
-- INSERT INTO public.t VALUES (1);
SELECT 'INSERT INTO public.t VALUES (1);
INSERT INTO public.t VALUES (1);', (INSERT INTO public.t VALUES (1););
--
-- PostgreSQL database dump complete
--
"""


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_an_insert_that_is_cut_out_at_once_is_the_one_that_psqls_lexer_cuts(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("restore.dumps.sql.splitter.CHUNK", 64)
    quick = split(INSERTS, every(size))
    monkeypatch.setattr("restore.dumps.sql.splitter.WHOLE_INSERT", re.compile(b"(?!)"))
    assert split(INSERTS, every(size)) == quick
    assert len(quick) == 9


def test_a_statement_knows_its_entry_of_the_table_of_contents_and_what_that_depends_on() -> None:
    many = b" ".join(b"%d" % number for number in range(100, 300))
    text = (
        b"-- TOC entry 7 (class 1259 OID 16385)\n-- Dependencies: 2 5\n-- Name: t; Type: TABLE\n"
        b"CREATE TABLE public.t ();\nALTER TABLE public.t OWNER TO a;\n"
        b"-- TOC entry 9 (class 1259 OID 16390)\n-- Name: u\nCREATE TABLE public.u ();\n"
        b"-- TOC entry 12 (class 1259 OID 16391)\n-- Dependencies: " + many + b"\nCREATE VIEW public.v AS SELECT 1;\n"
    )
    events = Splitter(io.BytesIO(text), lambda: bytearray(1 << 17), 1 << 10).read_events()
    found = [(event.entry, event.depends) for event in events if isinstance(event, Statement)]
    assert found == [(7, (2, 5)), (7, (2, 5)), (9, ()), (12, tuple(range(100, 300)))]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"COPY users (id, email) FROM stdin;\n1\ta\n\\.\n", "names without their schema.*scratch server"),
        (b"INSERT INTO users VALUES (1, 'a;b');\n", "names without their schema.*scratch server"),
        (b'INSERT INTO "Users" (id) OVERRIDING SYSTEM VALUE VALUES (1);\n', "names without their schema"),
        (b"INSERT INTO public.t VALUES " + b"(1, '%b'),\n" % (b"x" * 1000) * 17000, "an INSERT of more than 16 MiB"),
    ],
)
def test_what_cannot_be_loaded_as_it_is_says_the_true_reason_and_the_way(text: bytes, says: str) -> None:
    with pytest.raises(PermanentError, match=re.compile(says, re.DOTALL)):
        list(Splitter(io.BytesIO(text), lambda: bytearray(1 << 17), 1 << 10).read_events())
