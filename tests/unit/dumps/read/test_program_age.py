"""A pg_restore that is too old for the dump is told before any application stops, and as what it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from restore.dumps.read.archive_format import check_program
from restore.errors import PermanentError
from restore.inventory.dump_lookup import find_program_problems
from restore.model.dump import DumpObject
from restore.model.request import Runner

DUMP = DumpObject("b", "app.dump", "v1", 1, datetime(2026, 11, 22, tzinfo=UTC), archive_version=(1, 16))


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    program = folder / "pg_restore"
    program.write_text(f"#!/bin/sh\necho 'pg_restore (PostgreSQL) {version}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("version", "archive", "fits"),
    [
        ("15.18 (Debian 15.18-0+deb12u1)", (1, 16), False),
        ("16.4", (1, 16), False),
        ("17.10", (1, 16), True),
        ("15.18", (1, 15), False),
        ("16.4", (1, 15), True),
        ("18.1", (1, 14), True),
        ("13.2", (1, 14), True),
        ("16.4", (1, 99), False),
        ("18.1", (1, 99), True),
    ],
)
def test_an_archive_is_read_by_a_pg_restore_that_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, archive: tuple[int, int], fits: bool
) -> None:
    install(tmp_path, monkeypatch, version)
    if fits:
        check_program(archive)
        return
    with pytest.raises(
        PermanentError, match=f"{version.split(maxsplit=1)[0]}.*can't read archive version 1.{archive[1]}"
    ):
        check_program(archive)


def test_a_preview_with_an_old_pg_restore_or_none_doesnt_let_the_applications_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "15.18")
    (problem,) = find_program_problems(Runner.LOCAL, DUMP)
    assert (problem.subject, problem.needed) == ("archive format", "pg_restore of version 17 or later")
    (tmp_path / "pg_restore").unlink()
    (missing,) = find_program_problems(Runner.LOCAL, DUMP)
    assert missing.found == "no pg_restore on PATH"


def test_the_programs_of_this_machine_dont_matter_to_jobs_nor_to_sql_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program_problems(Runner.KUBERNETES, DUMP) == ()
    text = DumpObject("b", "app.sql", "v1", 1, DUMP.modified)
    assert find_program_problems(Runner.LOCAL, text) == ()
