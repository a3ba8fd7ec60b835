"""Dumps that are broken: by the transfer, by a pg_dump that died, by rows that the server refuses, or no dumps at all.

Each is made of a good small dump, and says what the loader's error must tell.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

POSTS = b"COPY public.posts (id, user_id, body) FROM stdin;\n"
USERS = b"COPY public.users (id, name, age) FROM stdin;\n"
TRAILER = b"-- PostgreSQL database dump complete"


@dataclass(frozen=True)
class Bad:
    """A dump that must be refused: how it is made of a good plain one, and what the error must tell."""

    make: Callable[[bytes], bytes]
    says: str
    """A regular expression, whatever the case."""
    key: str = "bad.sql"


def packed(make: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda plain: gzip.compress(make(plain), 1, mtime=0)


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= bit
    return bytes(changed)


def in_gzip(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A change of the compressed bytes."""
    return lambda plain: change(gzip.compress(plain, 6, mtime=0))


def shortened(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


def cut_before(mark: bytes) -> Callable[[bytes], bytes]:
    return lambda plain: plain[: plain.index(mark)]


def cut_after(mark: bytes, more: int) -> Callable[[bytes], bytes]:
    return lambda plain: plain[: plain.index(mark) + len(mark) + more]


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(plain: bytes) -> bytes:
        if old not in plain:
            raise ValueError(f"the dump has no {old!r}")
        return plain.replace(old, new, 1)

    return change


def with_row(block: bytes, row: bytes) -> Callable[[bytes], bytes]:
    return swapped(block, block + row + b"\n")


def tar_of(name: str, content: bytes) -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, BytesIO(content))
    return out.getvalue()


def members(*parts: bytes) -> bytes:
    return b"".join(gzip.compress(part, 1, mtime=0) for part in parts)


TRANSFER = {
    "gzip_bit_flipped_early": Bad(
        in_gzip(lambda d: flipped(d, 300, 4)), "gzip|damaged|corrupt|dump, line", "bad.sql.gz"
    ),
    "gzip_bit_flipped_late": Bad(in_gzip(lambda d: flipped(d, len(d) - 900, 16)), "gzip|damaged|corrupt", "bad.sql.gz"),
    "gzip_checksum_flipped": Bad(in_gzip(lambda d: flipped(d, len(d) - 6)), "checksum|crc", "bad.sql.gz"),
    "gzip_length_flipped": Bad(in_gzip(lambda d: flipped(d, len(d) - 2)), "incorrect checksum", "bad.sql.gz"),
    "gzip_cut_in_the_middle": Bad(in_gzip(shortened(0.6)), "truncated|ends|incomplete", "bad.sql.gz"),
    "gzip_cut_by_four_bytes": Bad(in_gzip(lambda d: d[:-4]), "truncated|ends|incomplete", "bad.sql.gz"),
    "gzip_cut_in_its_header": Bad(in_gzip(lambda d: d[:6]), "truncated|ends|incomplete|empty", "bad.sql.gz"),
    "gzip_garbage_behind": Bad(in_gzip(lambda d: d + b"garbage!"), "after|behind|trailing|garbage", "bad.sql.gz"),
    "gzip_second_member_damaged": Bad(lambda p: flipped(members(p[:5000], p[5000:]), -6), "checksum|crc", "bad.sql.gz"),
    "bzip2_damaged": Bad(lambda p: flipped(bz2.compress(p), 4000, 8), "bzip2|damaged|dump, line", "bad.sql.bz2"),
    "bzip2_cut": Bad(lambda p: bz2.compress(p)[:-20], "truncated|ends|incomplete", "bad.sql.bz2"),
    "xz_damaged": Bad(lambda p: flipped(lzma.compress(p), 9000, 8), "xz|damaged", "bad.sql.xz"),
    "xz_cut": Bad(lambda p: lzma.compress(p)[:-30], "truncated|ends|incomplete", "bad.sql.xz"),
    "empty_object": Bad(lambda _: b"", "empty|no bytes|0 bytes", "bad.sql"),
    "nothing_in_gzip": Bad(packed(lambda _: b""), "empty|not a dump|no dump", "bad.sql.gz"),
    "gzip_in_gzip": Bad(packed(lambda p: gzip.compress(p)), "gzip|compressed|twice|not a", "bad.sql.gz"),
    "random_bytes": Bad(lambda p: bytes((i * i * 7 + i // 3) % 256 for i in range(5000)), "not a|format", "bad.sql.gz"),
    "encrypted": Bad(lambda p: b"Salted__" + gzip.compress(p), "not a|format|encrypt", "bad.sql.gz.enc"),
    "error_page_saved_as_dump": Bad(
        lambda _: b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n', "not a|format|dump", "bad.sql"
    ),
    "mysql_dump": Bad(
        lambda _: b"-- MySQL dump 10.13\n/*!40101 SET NAMES utf8 */;\nCREATE TABLE `a` (`id` int);\n",
        "not a|mysql|format|pg_dump",
    ),
    "tar_of_something_else": Bad(lambda _: tar_of("notes.txt", b"hello"), "tar|not a|toc", "bad.tar"),
    "custom_format_header_alone": Bad(lambda _: b"PGDMP\x01\x10\x00\x04\x08\x01", "archive|header|ends|end of file"),
    "custom_format_of_the_future": Bad(lambda _: b"PGDMP\x01\x63\x00\x04\x08\x01" + bytes(500), "version|archive"),
}

DIED = {
    "died_inside_a_table": Bad(packed(cut_after(POSTS, 20_011)), "(?s)public.posts.*|COPY", "bad.sql.gz"),
    "died_at_a_row_end": Bad(lambda p: p[: p.index(b"\n", p.index(POSTS) + 9000) + 1], "ends|truncated"),
    "died_between_tables": Bad(cut_before(USERS), "complete|truncated|ends"),
    "died_before_indexes": Bad(cut_before(b"ALTER TABLE ONLY public.posts\n    ADD"), "complete|truncated|ends"),
    "died_inside_a_statement": Bad(cut_after(b"CREATE TABLE public.users (", 9), "ends|truncated"),
    "died_inside_a_quote": Bad(
        lambda p: cut_before(b"', false)")(p) if b"', false)" in p else b"", "ends|unterminated|quot|truncated"
    ),
    "died_inside_a_dollar_quote": Bad(
        lambda p: swapped(
            b"CREATE TABLE public.posts", b"CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $_$ x"
        )(p),
        "ends|unterminated|truncated|quot",
    ),
    "last_line_missing": Bad(cut_before(TRAILER), "complete|truncated"),
    "last_line_only_as_data": Bad(
        lambda p: with_row(POSTS, b"0\t1\t" + TRAILER)(p)[: p.rindex(TRAILER)], "complete|truncated|ends"
    ),
    "end_marker_of_a_table_missing": Bad(lambda p: p.replace(b"\n\\.\n", b"\n", 1), "(?s)public.posts.*"),
    "two_dumps_in_one_object": Bad(lambda p: p + p, "after|second|twice|already|complete"),
    "text_after_the_end": Bad(lambda p: p + b"\nCREATE TABLE public.more (a int);\n", "after|complete|behind"),
}

ROWS = {
    "row_with_too_few_columns": Bad(with_row(POSTS, b"1\t2"), r"(?s)public\.posts.*line \d+"),
    "row_with_too_many_columns": Bad(with_row(POSTS, b"1\t2\tx\ty"), r"(?s)public\.posts.*line \d+"),
    "row_with_text_for_a_number": Bad(with_row(POSTS, b"1\tsecret-row-content\tx"), r"(?s)public\.posts.*user_id"),
    "row_of_invalid_utf8": Bad(with_row(POSTS, b"90001\t2\t\xff\xfe"), r"(?s)public\.posts.*(UTF8|encoding)"),
    "row_with_a_zero_byte": Bad(with_row(POSTS, b"90001\t2\ta\x00b"), r"(?s)public\.posts.*(0x00|encoding)"),
    "row_against_a_check": Bad(with_row(USERS, b"90001\tMethuselah\t969"), "(?s)public.users.*users_age_check"),
    "row_with_null_in_a_column_without": Bad(with_row(USERS, b"90001\t\\N\t1"), "(?s)public.users.*name"),
    "row_twice_in_a_primary_key": Bad(with_row(USERS, b"1\tagain\t1"), "(?s)users_pkey"),
    "row_without_its_parent": Bad(with_row(POSTS, b"90001\t77777\torphan"), "(?s)posts_user_id_fkey"),
    "row_into_a_table_that_is_not_there": Bad(swapped(POSTS, POSTS.replace(b"posts", b"gone")), "(?s)public.gone"),
    "row_into_a_column_that_is_not_there": Bad(swapped(POSTS, POSTS.replace(b"body", b"gone")), "(?s)gone"),
    "data_without_tables": Bad(lambda p: p.replace(b"CREATE TABLE public.", b"CREATE TABLE x."), "(?s)x|schema"),
    "index_on_a_column_that_is_not_there": Bad(swapped(b"btree (user_id)", b"btree (gone)"), "(?s)posts_user.*gone"),
    "encoding_that_is_none": Bad(swapped(b"client_encoding = 'UTF8'", b"client_encoding = 'NONSENSE'"), "encoding"),
}

NEEDS = {
    "role_that_is_not_there": Bad(swapped(b"OWNER TO app_owner", b"OWNER TO nobody_here"), "nobody_here"),
    "extension_that_is_not_there": Bad(
        swapped(
            b"CREATE TABLE public.posts",
            b"CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;\n\nCREATE TABLE public.posts",
        ),
        "postgis",
    ),
    "server_newer_than_the_target": Bad(
        swapped(b"Dumped from database version ", b"Dumped from database version 99."), "99"
    ),
}

DAMAGED = TRANSFER | DIED | ROWS | NEEDS
