"""The command line: exit codes, and no secret through arguments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from validation import CheckResult, ValidationReport, Verdict
from validation.commands import main
from validation.commands import run as run_command
from validation.expectations.reference import build_schema

SECRET = "postgresql://u:hunter2@127.0.0.1:1/d?sslmode=disable"


@pytest.fixture
def checks(tmp_path: Path) -> str:
    path = tmp_path / "checks.toml"
    path.write_text("")
    return str(path)


def exit_code(arguments: Sequence[str]) -> int:
    try:
        return main.main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.PASS, 0), (Verdict.FAIL, 1), (Verdict.INCONCLUSIVE, 2)])
def test_the_exit_code_is_the_verdict(
    checks: str, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, code: int
) -> None:
    found = CheckResult("rows:t", verdict, "found", "needed")

    def run(*_: object, **__: object) -> ValidationReport:
        return ValidationReport((found,), "d on h:1", counts={"t": 1})

    monkeypatch.setattr(run_command, "run", run)
    monkeypatch.setenv("DB", SECRET)
    assert exit_code(["run", "--checks", checks, "--target-env", "DB"]) == code


def test_a_database_that_does_not_answer_is_inconclusive(
    checks: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB", SECRET)
    assert exit_code(["run", "--checks", checks, "--target-env", "DB", "--json"]) == 2
    assert "hunter2" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["run", "--checks", "FILE"],
        ["run", "--checks", "FILE", "--target-env", "UNSET_VARIABLE"],
        ["run", "--checks", "FILE", "--target-env", SECRET],
        ["run", "--checks", "FILE", "--target-file", "/nowhere"],
        ["run", "--checks", "/nowhere.toml", "--target-env", "DB"],
        ["run", "--checks", "FILE", "--target-env", "BAD"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--source-env", "UNSET_VARIABLE"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--restore-point", "yesterday"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--restore-point", "2026-11-22T14:30:00"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--waive", "indexes"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--waive", "indexes= "],
        ["run", "--checks", "FILE", "--target-env", "DB", "--url", SECRET],
        ["run", "--checks", "FILE", "--target-env", "DB", "--budget", "0"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--budget", "soon"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--baseline", "/nowhere"],
        ["run", "--checks", "FILE", "--target-env", "DB", "--baseline", SECRET],
        ["init"],
        ["init", "--from", SECRET],
        ["init", "--from", "DB", "FILE"],
        ["baseline"],
        ["baseline", "record", "--from", "DB"],
        ["baseline", "record", "--from", "DB", "--to", "s3:///x"],
        ["baseline", "record", "--from", "DB", "--to", "FILE", "--workers", "0"],
        ["baseline", "show", "/nowhere"],
        ["baseline", "show", "FOLDER"],
        ["baseline", "show", "FOLDER", "--at", "yesterday"],
        ["baseline", "diff", "FOLDER"],
        ["baseline", "diff", "FOLDER", "--new", "2026-11-22T14:30:00Z", "--from", "DB"],
    ],
)
def test_a_mistake_in_the_command_is_exit_code_3_without_a_traceback(
    checks: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setenv("DB", SECRET)
    monkeypatch.setenv("BAD", "mysql://u:hunter2@h/d")
    places = {"FILE": checks, "FOLDER": str(Path(checks).parent)}
    assert exit_code([places.get(word, word) for word in arguments]) == 3
    message = capsys.readouterr().err
    assert message
    assert "Traceback" not in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "--from", "DB", "NEW"],
        ["baseline", "record", "--from", "DB", "--to", "NEW"],
        ["baseline", "diff", "FOLDER", "--from", "DB"],
        ["baseline", "show", "FOLDER", "--list"],
    ],
)
def test_what_could_not_be_found_out_is_exit_code_2_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setenv("DB", SECRET)
    places = {"FOLDER": str(tmp_path), "NEW": str(tmp_path / "new")}
    assert exit_code([places.get(word, word) for word in arguments]) == 2
    said = capsys.readouterr()
    assert "hunter2" not in said.err + said.out
    assert list(tmp_path.iterdir()) == []


def test_the_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == build_schema()


def test_a_url_given_for_a_name_is_not_repeated(checks: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["run", "--checks", checks, "--target-env", SECRET]) == 3
    assert "hunter2" not in capsys.readouterr().err


def test_a_url_can_come_from_a_file(checks: str, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(SECRET + "\n")
    assert exit_code(["run", "--checks", checks, "--target-file", str(file)]) == 2


def test_waivers_name_checks_whose_names_have_equal_signs() -> None:
    read = run_command.parse_waivers(["must-exist:public.users(id=7)=left on purpose = yes", "indexes=unused"])
    assert read == {"must-exist:public.users(id=7)": "left on purpose = yes", "indexes": "unused"}
