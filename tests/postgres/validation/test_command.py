"""The command as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.machine.layout import CHECKOUT
from tests.support.postgres.scratch_server import PASSWORD, Database
from tests.support.postgres.validation_sample import url

DATABASES = ("--target-env", "CANDIDATE", "--source-env", "SOURCE")
CHECKS = """
[tables.users]
min = 500
at_least_of_source = 1.0

[[freshness]]
table = "transactions"
column = "created_at"
tolerance_seconds = 60
"""


def command(checks: Path, candidate: Database, source: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "validation", "run", "--checks", str(checks), *DATABASES, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "CANDIDATE": url(candidate), "SOURCE": url(source)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    path = tmp_path / "checks.toml"
    path.write_text(CHECKS)
    return path


def test_the_command_tells_a_good_database_from_a_bad_one(database: Database, source: Database, checks: Path) -> None:
    point = ("--restore-point", "2026-11-22T14:30:00Z")
    good = command(checks, database, source, *point)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("PASS  ")
    database.execute("set session_replication_role = replica; delete from users where id = 'user-7'")
    bad = command(checks, database, source, *point, "--json")
    assert (bad.returncode, bad.stderr) == (1, "")
    report = json.loads(bad.stdout)
    failed = {r["name"] for r in report["results"] if r["verdict"] == "FAIL"}
    assert failed == {"rows:public.users", "foreign-key:public.transactions.transactions_user_id_fkey"}
    assert PASSWORD not in good.stdout + bad.stdout


def test_without_the_time_to_compare_with_it_is_inconclusive(
    database: Database, source: Database, checks: Path
) -> None:
    outcome = command(checks, database, source)
    assert outcome.returncode == 2
    assert "INCONCLUSIVE  freshness:public.transactions.created_at" in outcome.stdout
