"""What the command says is true, complete, and never a secret."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from restore.dumps import cli, output
from restore.dumps.check.progress_output import Lines, format_line
from restore.dumps.load import free_storage
from restore.dumps.load.free_storage import Storage
from restore.dumps.model import (
    Compression,
    Dump,
    Format,
    LoadPhase,
    LoadResult,
    NotLoaded,
    OnError,
    Progress,
    Scan,
    TableCheck,
    TableRows,
    Verification,
)
from restore.errors import PermanentError, Problem, RestoreError, TemporaryError
from validation.connect.target import Target

DUMP = Dump("b", "prod-20261119.sql.gz", 2_000_000_000, datetime(2026, 11, 19, tzinfo=UTC), "etag")
DENIED = PermanentError.of(Problem("AWS rds:DescribeDBInstances", "AccessDenied: no", "the IAM action", "see docs"))
SECRET = "s3cret-pässword"


def verification(*tables: TableCheck, **more: Any) -> Verification:
    equal = Verification(tables, (), (), {}, checked_sequences=1, never_analyzed=())
    return replace(equal, **more)


def test_nothing_compared_is_no_success() -> None:
    assert not verification().passed
    assert "nothing to compare" in output.render_verification(verification())


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (verification(TableCheck("public.t", 3, 2)), "public.t: 3 rows in the dump, 2 rows in the target"),
        (verification(TableCheck("public.t", 3, None)), "no such table in the target"),
        (verification(TableCheck("a", 1, 1), invalid_indexes=("i",)), "invalid index i"),
        (verification(TableCheck("a", 1, 1), unvalidated_constraints=("c on t",)), "constraint c on t"),
        (verification(TableCheck("a", 1, 1), sequences={"s": (5, None)}), "sequence s: 5 in the dump"),
    ],
)
def test_every_difference_fails_and_is_said(found: Verification, says: str) -> None:
    assert not found.passed
    assert says in output.render_verification(found)
    json.dumps(found.as_json())


def test_equal_is_said_with_what_was_compared() -> None:
    found = verification(TableCheck("a", 1, 1), TableCheck("b", 2, 2))
    assert found.passed
    assert "3 rows in 2 tables" in output.render_verification(found)


def scan(*problems: Problem) -> Scan:
    return Scan(
        DUMP, Format.PLAIN, Compression.GZIP, "16.4", "17.1", "UTF8", None, ("app",), ("app",), ("citext",),
        (TableRows("public.t", 1_234_567, 10**9),), {"table": 1}, 10**9, 0, problems,
    )  # fmt: skip


def test_a_plan_says_what_is_needed_and_what_is_wrong() -> None:
    text = output.render_plan(scan(Problem("dump, line 7", "a DROP", "none", "without --clean")))
    for words in ("PostgreSQL 16.4", "1,234,567", "app", "citext", "a DROP"):
        assert words in text
    json.dumps(scan().as_json())


def test_a_load_that_did_nothing_says_so() -> None:
    result = LoadResult(DUMP, (), 5, 0, 0, {}, resumed=True, already_loaded=True, skipped=())
    assert "nothing was done" in output.render_load(result)


KEY = NotLoaded("keys", "k on public.t", "Key (id)=(7) is duplicated", 9, "ALTER TABLE public.t ADD", "SELECT id, 2")
LOST = LoadResult(DUMP, (), 5, 0, 0, {}, resumed=False, already_loaded=False, skipped=(), not_loaded=(KEY,))


def test_what_the_server_refused_is_told_with_its_line_and_the_sql_to_run_later(tmp_path: Path) -> None:
    told = output.render_load(LOST)
    for words in ("keys k on public.t: Key (id)=(7) is duplicated (dump, line 9)", KEY.hint, f"    {KEY.sql};"):
        assert words in told
    script = tmp_path / "later.sql"
    assert f"psql -f {script}" in output.render_load(LOST, str(script))
    cli.write_script(script, LOST)
    assert f"\n{KEY.sql};\n" in script.read_text()
    with pytest.raises(PermanentError, match="--script"):
        cli.write_script(tmp_path / "nowhere" / "later.sql", LOST)


def test_a_load_without_something_that_matters_is_no_whole_one() -> None:
    assert not LOST.is_whole
    assert replace(LOST, not_loaded=(replace(KEY, kind="comments"),)).is_whole
    json.dumps(LOST.as_json())


@pytest.mark.parametrize("words", [["--skip", "extensions"], ["--skip", "publication:"], ["--allow", "publication"]])
def test_a_misspelt_kind_is_refused_with_those_that_there_are(words: list[str]) -> None:
    with pytest.raises(PermanentError, match="one of foreign, subscription"):
        cli.read_options(cli.build_parser().parse_args(["plan", "s3://b/k", *words]))


def test_a_single_object_can_be_left_out_and_a_search_path_given() -> None:
    words = ["load", "s3://b/k", "--to-env", "X", "--skip", "extension:postgis", "--search-path", "public, extensions"]
    options = cli.read_options(cli.build_parser().parse_args(words))
    assert options.skip == {"extension:postgis"}
    assert options.search_path == ("public", "extensions")
    assert options.on_error is OnError.CONTINUE


def progress(phase: LoadPhase, seconds: float) -> Progress:
    return Progress(phase, seconds, 5 * 10**8, 2 * 10**9, 1000, 10**7, 150.0, 1, 4, ("public.t", "index i"))


def test_a_line_says_how_far_and_how_long() -> None:
    assert format_line(progress(LoadPhase.LOADING, 50)) == (
        "loading: 25 % of 2.0 GB read, 1,000 rows; 10.0 MB/s; 1 of 4 indexes, keys and the like;"
        " about 2 min 30 s left in this phase; now public.t, index i"
    )


def test_lines_come_at_each_phase_and_now_and_then_between() -> None:
    said: list[str] = []
    lines = Lines(said.append)
    for phase, seconds in (
        (LoadPhase.READING, 0),
        (LoadPhase.READING, 5),
        (LoadPhase.READING, 11),
        (LoadPhase.LOADING, 12),
    ):
        lines(progress(phase, seconds))
    assert [text.partition(":")[0] for text in said] == ["reading", "reading", "loading"]


@pytest.mark.parametrize(
    "url", [f"mysql://a:{SECRET}@h/d", f"postgresql://a:{SECRET}@h:x/d", f"postgresql://a:{SECRET}@/d", ""]
)
def test_a_bad_target_url_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("TO", url)
    arguments = cli.build_parser().parse_args(["load", "s3://b/k", "--to-env", "TO"])
    with pytest.raises(PermanentError) as caught:
        cli.read_target(arguments)
    assert SECRET not in str(caught.value)
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("error", "reason"),
    [(DENIED, "AccessDenied: no; see docs"), (TemporaryError("AWS rds: Throttling"), "AWS rds: Throttling")],
)
def test_storage_that_cannot_be_asked_for_is_said_and_stops_only_who_named_the_instance(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: RestoreError, reason: str
) -> None:
    def measure(*_: object) -> Storage:
        raise error

    monkeypatch.setattr(free_storage, "measure", measure)
    words = ["load", "s3://b/k", "--to-env", "TO", "--region", "r"]
    target = Target("db.c1.r.rds.amazonaws.com", "d", "u")
    assert cli.measure_storage(cli.build_parser().parse_args(words), target) is None
    assert capsys.readouterr().err == f"storage: not checked: {reason}\n"
    with pytest.raises(type(error)):
        cli.measure_storage(cli.build_parser().parse_args([*words, "--instance", "db"]), target)


def test_a_target_comes_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://a:b@h/d\n")
    arguments = cli.build_parser().parse_args(["verify", "s3://b/k", "--to-file", str(tmp_path / "url")])
    assert (cli.read_target(arguments).host, cli.read_target(arguments).sslmode) == ("h", "verify-full")


@pytest.mark.parametrize(
    "words",
    [
        ["load", "https://b/k", "--to-env", "TO"],
        ["plan", "s3:///k", "--region", "r"],
        ["plan", "s3://b/k", "--region", "r", "--skip", "everything"],
        ["load", "s3://b/k", "--region", "r", "--to-env", "TO", "--map", "a"],
    ],
)
def test_a_mistake_is_one_clear_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "needed:" in error
    assert "Traceback" not in error
