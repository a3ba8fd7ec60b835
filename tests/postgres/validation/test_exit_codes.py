"""The command's exit code is the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.postgres.scratch_server import Database
from tests.support.postgres.validation_sample import url
from validation.commands import main

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
        ((*RIGHT, "--budget", "0.001"), 2),
        ((), 2),
        (WRONG, 1),
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
        found = main.main(["run", "--checks", str(path), "--target-env", "CANDIDATE", *words])
    except SystemExit as ended:
        found = int(ended.code or 0)
    assert found == code
