"""`python -m validation selftest`: proves a team's checks, and drops nothing that isn't its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from sandbox.machine.layout import CHECKOUT
from tests.support.postgres.scratch_server import PASSWORD, Database
from validation import from_mapping
from validation.selftest.prove import DefectOutcome, DefectStatus, Suite, prove
from validation.selftest.scratch import MARK, NotScratch, ScratchError, open_scratch

CHECKS = """
[tables.orders]
min = 3

[limits]
workers = 1
"""
SAMPLE = "create table orders (id int primary key); insert into orders values (1), (2), (3); analyze;"
DEFECTS = """
[[defect]]
name = "an order lost"
damage = "delete from orders where id = 3"
found_by = ["rows:public.orders"]

[[defect]]
name = "an order that nobody counts"
damage = "insert into orders values (4)"
found_by = ["rows:public.orders"]
"""


@pytest.fixture
def own_files(tmp_path: Path) -> tuple[str, ...]:
    words: list[str] = []
    for name, text in (("checks", CHECKS), ("sample", SAMPLE), ("defects", DEFECTS)):
        (tmp_path / name).write_text(text)
        words += [f"--{name}", str(tmp_path / name)]
    return tuple(words)


def command(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    url = f"postgresql://postgres:{quote(PASSWORD, safe='')}@{database.server.host}/{database.name}?sslmode=disable"
    return subprocess.run(
        [sys.executable, "-m", "validation", "selftest", "--url-env", "SCRATCH", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "SCRATCH": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def content(database: Database) -> list[str]:
    with database.connect() as connection:
        rows = connection.execute("select relname from pg_class where relnamespace = 'public'::regnamespace").fetchall()
    return [name for (name,) in rows]


def test_a_team_learns_which_defects_its_checks_find_and_which_they_miss(
    empty_database: Database, own_files: tuple[str, ...]
) -> None:
    outcome = command(empty_database, *own_files)
    assert (outcome.returncode, outcome.stderr) == (1, "")
    assert outcome.stdout.splitlines() == [
        "found     nothing damaged: nothing is reported",
        "found     an order lost: rows:public.orders",
        "MISSED    an order that nobody counts: rows:public.orders is PASS: 4 rows",
        "",
        "2 found, 1 missed, 0 left out",
    ]
    assert content(empty_database) == []
    outcome = command(empty_database, *own_files, "--only", "an order lost")
    assert outcome.returncode == 0


def test_the_defects_of_the_package_run_by_one_command(empty_database: Database) -> None:
    some = ("--only", "row-level security off", "--only", "a database left read-only")
    outcome = command(empty_database, *some)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.endswith("3 found, 0 missed, 0 left out\n")


def test_a_database_that_holds_anything_is_refused_and_left_as_it_is(database: Database) -> None:
    before = content(database)
    outcome = command(database)
    assert outcome.returncode == 3
    assert "not empty" in outcome.stderr
    assert content(database) == before


def test_what_a_killed_selftest_left_is_taken_up_by_the_next(empty_database: Database) -> None:
    empty_database.execute(f"create table left_over (id int); comment on database {empty_database.name} is '{MARK}'")
    with open_scratch(empty_database.target) as taken:
        taken.renew(SAMPLE)
        assert "left_over" not in content(empty_database)
    empty_database.execute("create table production (id int)")
    with pytest.raises(NotScratch), open_scratch(empty_database.target):
        pass
    assert content(empty_database) == ["production"]


def test_checks_that_report_the_undamaged_sample_are_not_tried_any_further(empty_database: Database) -> None:

    suite = Suite(SAMPLE, from_mapping({"tables": {"orders": {"min": 4}}}), ())
    said: list[DefectOutcome] = []
    assert prove(empty_database.target, suite, said.append) == tuple(said)
    assert [(outcome.proof, outcome.said) for outcome in said] == [
        (DefectStatus.MISSED, "reported all the same: rows:public.orders"),
    ]


def test_a_sample_that_cannot_be_made_ends_the_selftest_with_an_empty_database(empty_database: Database) -> None:

    with pytest.raises(ScratchError, match="syntax error"):
        prove(empty_database.target, Suite("create tabel t ()", from_mapping({}), ()), lambda _: None)
    assert content(empty_database) == []
