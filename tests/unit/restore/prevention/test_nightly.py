"""Half a dump never becomes an object, and no password stands in an argument."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from restore.errors import PermanentError
from restore.model.rds import Credential, Endpoint
from restore.model.request import DumpStore, Tls
from restore.prevention import nightly
from tests.support import worlds as w


@pytest.fixture
def source(tmp_path: Path) -> nightly.DumpSource:
    certificate = tmp_path / "root.pem"
    certificate.write_text("-")
    tls = Tls(root_certificate=str(certificate))
    return nightly.DumpSource(Endpoint("db.example", 5432), Credential("admin", "s3cret-word"), tls, "shop")


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a program named pg_dump first on PATH."""
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def read_all(source: nightly.DumpSource) -> bytes:
    content = b""
    with nightly.open_dump(source) as stream:
        while block := stream.read(7):
            content += block
        assert stream.count == len(content)
    return content


def test_a_dump_is_read_to_its_end(tmp_path: Path, source: nightly.DumpSource, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, 'printf "%s" "$PGDATABASE of $PGHOST, $*"', monkeypatch)
    assert read_all(source) == b"shop of db.example, --format=plain --compress=6 --no-password"


def test_a_dump_that_breaks_off_ends_in_an_error_and_not_in_an_end(
    tmp_path: Path, source: nightly.DumpSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "echo half; echo 'lost $PGPASSWORD' >&2; echo \"$PGPASSWORD\" >&2; exit 1", monkeypatch)
    with pytest.raises(PermanentError, match="lost") as caught:
        read_all(source)
    assert "s3cret-word" not in str(caught.value)


def test_without_pg_dump_the_message_says_so(source: nightly.DumpSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PermanentError, match="not on PATH"):
        read_all(source)


def test_nobody_waits_for_a_dump_that_is_not_read_on(
    tmp_path: Path, source: nightly.DumpSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "exec cat /dev/zero", monkeypatch)
    with nightly.open_dump(source) as stream:
        assert stream.read(10) == bytes(10)


@pytest.mark.parametrize("database_bytes", [0, 10 * 1024**3, 64 * 1024**4])
def test_a_dump_as_large_as_its_database_fits_into_the_parts_of_an_upload(database_bytes: int) -> None:
    part = nightly.choose_part_size(database_bytes)
    assert part >= nightly.SMALLEST_PART
    assert part * 10_000 >= database_bytes


def test_the_listing_reads_the_time_of_a_dump_out_of_its_name() -> None:
    key = nightly.name_dump(DumpStore("dumps", "database/postgresql/"), "shop-prod-db", w.NOW)
    assert key == "database/postgresql/shop-prod-db-20261122-150000.sql.gz"
    from restore.dumps.catalog.filenames import looks_like_dump, read_time

    assert looks_like_dump({"Key": key})
    assert read_time(key) == w.NOW
