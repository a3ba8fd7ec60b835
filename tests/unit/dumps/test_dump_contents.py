"""A directory dump never makes pg_restore open a file that isn't the dump's."""

from __future__ import annotations

import pytest

from restore.dumps import contents
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
    found = contents.read(toc("3412.dat", None, "blobs_17.toc"), "x")
    assert (found.database, found.files) == ("app", ("3412.dat", "blobs_17.toc"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "1.dat/../../x", "1.dat\n", "toc.dat", ".."])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(PermanentError, match="a file named"):
        contents.read(toc("1.dat", name), "x")


def test_a_cut_or_strange_table_of_contents_is_refused() -> None:
    whole = toc("1.dat")
    for data in (whole[:-3], whole[:20], b"", b"PGDMP", b"garbage", toc("1.dat", version=(1, 99))):
        with pytest.raises(PermanentError):
            contents.read(data, "x")


def test_large_objects_are_files_of_the_dump() -> None:
    assert contents.blobs(b"17 blob_17.dat\n18 blob_18.dat\n", "x") == ("blob_17.dat", "blob_18.dat")
    with pytest.raises(PermanentError):
        contents.blobs(b"17 ../../etc/passwd\n", "x")
