"""A directory dump never makes pg_restore open a file that isn't the dump's."""

from __future__ import annotations

import pytest

from restore.dumps.catalog.header import parse_heading
from restore.dumps.read import table_of_contents
from restore.errors import PermanentError


def integer(value: int) -> bytes:
    return bytes([value < 0]) + abs(value).to_bytes(4, "little")


def string(text: str | None) -> bytes:
    return integer(-1) if text is None else integer(len(text)) + text.encode()


def entry(file: str | None) -> bytes:
    """An entry of archive version 1.16 (PostgreSQL 16, 17)."""
    texts = b"".join(map(string, ["0", "0", "t", "TABLE DATA"]))
    more = b"".join(map(string, ["", "", "COPY", "public", ""]))
    return (
        integer(1)
        + integer(1)
        + texts
        + integer(3)
        + more
        + string("heap")
        + integer(0)
        + string("app")
        + string("false")
        + string("7")
        + string(None)
        + string(file or "")
    )


def toc(*files: str | None, version: tuple[int, int] = (1, 16)) -> bytes:
    head = b"PGDMP" + bytes([*version, 0, 4, 8, 5, 1])
    times = b"".join(integer(1) for _ in range(7))
    names = string("app") + string("17.1") + string("17.1")
    return head + times + names + integer(len(files)) + b"".join(entry(file) for file in files)


def test_files_are_read_in_order() -> None:
    found = table_of_contents.read(toc("3412.dat", None, "blobs_17.toc"), "x")
    assert (found.database, found.files) == ("app", ("3412.dat", "blobs_17.toc"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "1.dat/../../x", "1.dat\n", "toc.dat", ".."])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(PermanentError, match="a file named"):
        table_of_contents.read(toc("1.dat", name), "x")


def test_a_cut_or_strange_table_of_contents_is_refused() -> None:
    whole = toc("1.dat")
    for data in (whole[:-3], whole[:20], b"", b"PGDMP", b"garbage", toc("1.dat", version=(1, 99))):
        with pytest.raises(PermanentError):
            table_of_contents.read(data, "x")


def test_large_objects_are_files_of_the_dump() -> None:
    assert table_of_contents.read_blob_list(b"17 blob_17.dat\n18 blob_18.dat\n", "x") == ("blob_17.dat", "blob_18.dat")
    with pytest.raises(PermanentError):
        table_of_contents.read_blob_list(b"17 ../../etc/passwd\n", "x")


@pytest.mark.parametrize("version", [(1, 12), (1, 14), (1, 16), (1, 99)])
def test_the_preview_knows_the_server_of_any_archive(version: tuple[int, int]) -> None:
    """The instance is made for it; a format newer than those known must not make it a guess."""
    compression = b"\x01" if version >= (1, 15) else integer(6)
    head = b"PGDMP" + bytes([*version, 0, 4, 8, 1]) + compression
    head += b"".join(integer(number) for number in (10, 30, 2, 22, 10, 126, 0)) + string("app")
    whole = head + string("16.4 (Debian)") + string("17.1")
    found = table_of_contents.read_header(whole)
    assert (found.version, found.database, found.server_version) == (version, "app", "16.4 (Debian)")
    assert (parse_heading(whole).server_version, parse_heading(whole).archive_version) == ("16.4 (Debian)", version)
    in_tar = b"toc.dat".ljust(257, b"\0") + b"ustar".ljust(255, b"\0") + whole
    assert parse_heading(in_tar).server_version == "16.4 (Debian)"
    for cut in (whole[: len(head)], whole[:8], b"PGDMP", b""):
        assert parse_heading(cut).server_version == ""
