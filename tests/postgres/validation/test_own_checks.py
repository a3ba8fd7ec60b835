"""A team's own check: a .sql file in a folder, and nothing else touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.postgres.scratch_server import Database
from tests.support.postgres.validation_sample import AT, FAIL, INCONCLUSIVE, the, wrong
from validation import CheckResult, Expectations, RunOptions, Severity, Verdict, load, run

HEAD = '--: things = "{things}"\n--: needed = "as it should be"\n--: fix = "mend it"\n'
CHECKS = {
    "amounts": HEAD.format(things="transactions")
    + "select amount > 0 as ok, id from public.transactions where created_at <= {restore_point}",
    "broken": HEAD.format(things="nothing") + "select true as ok from public.nowhere",
    "empty": HEAD.format(things="old entries") + "select true as ok from public.entries where day < '2000-01-01'",
    "forbidden": HEAD.format(things="rows") + "select nextval('public.transactions_id_seq') > 0 as ok",
    "advice": HEAD.format(things="users")
    + "--: severity = 'advisory'\nselect id <> 'user-7' as ok, id from public.users",
    "slow": HEAD.format(things="naps") + "--: timeout_seconds = 0.2\nselect pg_sleep(20) is not null as ok",
    "wide": HEAD.format(things="tables") + "--: each = 'table'\nselect count(*) < 1000 as ok from only {table}",
}


@pytest.fixture
def expected(tmp_path: Path) -> Expectations:
    (tmp_path / "own").mkdir()
    for name, text in CHECKS.items():
        (tmp_path / "own" / f"{name}.sql").write_text(text)
    (tmp_path / "checks.toml").write_text('sql_checks = ["own"]\n')
    return load(tmp_path / "checks.toml")


@pytest.fixture
def own(database: Database, expected: Expectations) -> dict[str, CheckResult]:
    database.execute("update transactions set amount = -1 where id in (7, 8)")
    report = run(database.target, expected, RunOptions(restore_point=AT))
    assert not {name.partition(":")[0] for name in wrong(report)} - CHECKS.keys()
    return {result.name: result for result in report.results if result.family in CHECKS}


def test_each_kind_of_answer_is_judged_as_its_file_says(own: dict[str, CheckResult]) -> None:
    verdicts = {name: result.verdict for name, result in own.items() if result.family != "wide"}
    assert verdicts == {
        "amounts": FAIL,
        "broken": FAIL,
        "empty": INCONCLUSIVE,
        "forbidden": INCONCLUSIVE,
        "advice": FAIL,
        "slow": INCONCLUSIVE,
    }
    assert own["amounts"].found == "transactions: 2 of 5,000 wrong"
    assert sorted(str(example["id"]) for example in own["amounts"].examples) == ["7", "8"]
    assert own["advice"].severity is Severity.ADVISORY
    assert "57014" in own["slow"].found


def test_a_list_makes_a_check_of_each_table(own: dict[str, CheckResult]) -> None:
    wide = {name: result.verdict for name, result in own.items() if result.family == "wide"}
    assert len(wide) == 14
    assert [name for name, verdict in wide.items() if verdict is not Verdict.PASS] == ["wide:public.transactions"]


def test_the_settings_of_one_check_are_gone_before_the_next(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for name, head in (("first", "--: settings = { work_mem = '9MB' }\n"), ("second", "")):
        text = f"{HEAD.format(things='settings')}{head}select current_setting('work_mem') = '9MB' as ok"
        (folder / f"{name}.sql").write_text(text)
    (tmp_path / "checks.toml").write_text('sql_checks = ["own"]\n[limits]\nworkers = 1\n')
    report = run(database.target, load(tmp_path / "checks.toml"))
    assert (the(report, "first").verdict, the(report, "second").verdict) == (Verdict.PASS, FAIL)
