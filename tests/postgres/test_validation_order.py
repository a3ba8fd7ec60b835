"""A run that may end early ends early, and never says of what it didn't ask that it passed."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch_server import Database
from test_validation_command import url
from validation_sample import AT, FAIL, INCONCLUSIVE, the, wrong

from validation import Verdict, cli, from_mapping, run

FRESH = {"table": "transactions", "column": "created_at", "tolerance_seconds": 60}
WANTED = from_mapping(
    {
        "freshness": [FRESH],
        "must_exist": [{"table": "users", "key": {"id": "user-7"}}],
        "limits": {"workers": 1},
    }
)


def test_after_a_first_failure_the_costly_rest_is_not_asked(database: Database) -> None:
    database.execute("set session_replication_role = replica; delete from users where id = 'user-7'")
    report = run(database.target, WANTED, restore_point=AT, until_first_failure=True)
    assert the(report, "must-exist:public.users(id=user-7)").verdict is FAIL
    silent = [result for result in report.results if "not asked" in result.found]
    assert len(silent) > 20
    assert {result.verdict for result in silent} == {INCONCLUSIVE}
    assert {result.found for result in silent} == {"not asked, since must-exist:public.users(id=user-7) failed first"}
    assert report.verdict is FAIL


def test_without_a_failure_everything_is_asked(database: Database) -> None:
    report = run(database.target, WANTED, restore_point=AT, until_first_failure=True)
    assert wrong(report) == {}
    assert report.verdict is Verdict.PASS


def test_a_missing_table_ends_the_run_before_anything_is_read(database: Database) -> None:
    wanted = from_mapping({"tables": {"nowhere": {"min": 1}}})
    report = run(database.target, wanted, until_first_failure=True)
    assert report.counts == {}
    assert report.verdict is FAIL


RIGHT, WRONG = ("--restore-point", "2026-11-22T14:30:00Z"), ("--restore-point", "2026-11-22T14:00:00Z")
CHECKS = """
[[freshness]]
table = "transactions"
column = "created_at"
tolerance_seconds = 60
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (RIGHT, 0),
        ((*RIGHT, "--until-first-failure"), 0),
        ((*RIGHT, "--budget", "0.001"), 2),
        ((), 2),
        (WRONG, 1),
        ((*WRONG, "--until-first-failure"), 1),
        ((*WRONG, "--waive", "freshness=known"), 0),
        (("--budget", "-1"), 3),
    ],
)
def test_the_exit_code_says_pass_fail_inconclusive_or_usage(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int
) -> None:
    path = tmp_path / "checks.toml"
    path.write_text(CHECKS)
    monkeypatch.setenv("CANDIDATE", url(database))
    try:
        found = cli.main(["run", "--checks", str(path), "--target-env", "CANDIDATE", *words])
    except SystemExit as ended:
        found = int(ended.code or 0)
    assert found == code
