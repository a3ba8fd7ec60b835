"""A baseline says what a database holds, is never overwritten, and convicts a restore that lost something."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres.scratch_server import PASSWORD, Database
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, the, url, wrong
from validation import RunOptions, ValidationReport, Verdict, from_mapping, run
from validation.baseline import latest
from validation.baseline.model import Baseline, BaselineError, TableState
from validation.baseline.record import Unread, record
from validation.commands import main
from validation.expectations.model import Limits
from validation.expectations.table_names import Table

USERS, TRANSACTIONS = Table("public", "users"), Table("public", "transactions")
Captured = pytest.CaptureFixture[str]
Cli = Callable[..., int]


@pytest.fixture
def command(database: Database, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("LIVE", url(database))
    return lambda *words: main.main([str(word) for word in words])


def against(database: Database, baseline: Baseline | BaselineError, **expected: Any) -> ValidationReport:
    return run(database.target, from_mapping(expected), RunOptions(baseline=baseline, restore_point=datetime.now(UTC)))


def test_a_baseline_holds_counts_sizes_newest_values_positions_and_the_schema(database: Database) -> None:
    found = record(database.target)
    assert found.tables[USERS].rows == 500
    assert found.tables[TRANSACTIONS].newest == {"created_at": datetime(2026, 11, 22, 14, 30, tzinfo=UTC)}
    assert found.tables[TRANSACTIONS].bytes > 500_000
    assert found.tables[Table("public", "entries")].rows == 4
    assert Table("public", "entries_2026") not in found.tables
    assert found.sequences[Table("public", "transactions_id_seq")].last == 5000
    assert "public.users.email" in str(found.schema.sections)
    assert abs(found.taken - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_database_that_cannot_be_read_whole_leaves_no_baseline(
    database: Database,
    command: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    database.execute(f"drop role if exists blind; create role blind login password '{PASSWORD}'")
    try:
        monkeypatch.setenv("LIVE", url(database).replace("//postgres:", "//blind:"))
        assert command("baseline", "record", "--from", "LIVE", "--to", tmp_path / "kept") == 2
        assert "42501" in capsys.readouterr().err
        assert not (tmp_path / "kept").exists()
        with pytest.raises(Unread, match="spent"):
            record(database.target, Limits(budget_seconds=1e-6))
    finally:
        database.execute("drop role blind")


def test_what_was_recorded_is_shown_and_compared(
    database: Database, command: Cli, tmp_path: Path, capsys: Captured
) -> None:
    assert command("baseline", "record", "--from", "LIVE", "--to", tmp_path) == 0
    assert command("baseline", "diff", tmp_path, "--from", "LIVE") == 0
    assert "the same schema" in capsys.readouterr().out
    database.execute(
        "delete from notes; alter table users alter email type varchar(50);"
        "insert into transactions (user_id, amount, created_at) values ('user-1', 1, '2026-11-23 00:00Z')"
    )
    assert command("baseline", "diff", tmp_path, "--from", "LIVE") == 1
    said = capsys.readouterr().out
    assert "public.notes: 2 rows -> 0 rows (-2" in said
    assert "newest 2026-11-22T14:30:00.000000Z -> newest 2026-11-23T00:00:00.000000Z" in said
    assert "sequence public.transactions_id_seq: at 5,000 -> at 5,001" in said
    assert "character varying(50)" in said
    assert command("baseline", "record", "--from", "LIVE", "--to", tmp_path) == 0
    assert len(latest.list_baselines(latest.open_baselines(str(tmp_path)), database.name)) == 2
    assert command("baseline", "diff", tmp_path) == 1
    capsys.readouterr()
    assert command("baseline", "show", tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["tables"]["public.notes"]["rows"] == 0
    assert command("baseline", "show", tmp_path) == 0
    assert "sequence public.transactions_id_seq" in capsys.readouterr().out


def test_an_undamaged_restore_passes_against_its_baseline(database: Database, source: Database) -> None:
    baseline = record(source.target)
    bounds = {"users": {"at_least_of_baseline": 1, "at_most_of_baseline": 1}}
    report = against(database, baseline, tables=bounds)
    assert wrong(report) == {}
    assert report.verdict is Verdict.PASS
    assert "baseline: 500" in the(report, "rows:public.users").found


def test_rows_tables_and_positions_that_were_lost_since_the_baseline_are_found(
    database: Database, source: Database
) -> None:
    baseline = record(source.target)
    database.execute(
        "set session_replication_role = replica; delete from users where id = 'user-7'; truncate pairs;"
        "drop table notes; truncate transactions restart identity"
    )
    report = against(database, baseline, tables={"users": {"at_least_of_baseline": 0.999}})
    found = wrong(report)
    assert found["rows:public.users"] is FAIL
    assert found["tables-of-baseline"] is FAIL
    assert found["sequences-of-baseline"] is FAIL
    said = the(report, "tables-of-baseline").found
    assert said == "public.notes is missing; public.pairs is empty; public.transactions is empty"
    said = the(report, "sequences-of-baseline").found
    assert said == "public.transactions_id_seq has given no value, the baseline's at 5,000"


def test_a_bound_without_a_baseline_proves_nothing(database: Database) -> None:
    bounds = {"users": {"at_least_of_baseline": 0.9}}
    report = run(database.target, from_mapping({"tables": bounds}))
    assert wrong(report) == {"rows:public.users": INCONCLUSIVE}
    other = Baseline(datetime(2026, 1, 1, tzinfo=UTC), "d", "17", {TRANSACTIONS: TableState(1, 1)})
    assert wrong(against(database, other, tables=bounds))["rows:public.users"] is INCONCLUSIVE


def test_a_baseline_from_after_the_restore_point_convicts_nobody(database: Database) -> None:
    later = Baseline(datetime.now(UTC) + timedelta(days=1), "d", "17", {Table("public", "later"): TableState(1, 1)})
    assert wrong(against(database, later)) == {"baseline": INCONCLUSIVE}


def test_a_run_takes_the_newest_baseline_from_before_the_restore_point(
    database: Database, command: Cli, tmp_path: Path, capsys: Captured
) -> None:
    checks = tmp_path / "checks.toml"
    checks.write_text("[tables.users]\nat_least_of_baseline = 1.0\n")
    words = ("run", "--checks", checks, "--target-env", "LIVE", "--baseline", tmp_path / "kept")
    assert command("baseline", "record", "--from", "LIVE", "--to", tmp_path / "kept") == 0
    assert command(*words) == 0
    assert command(*words, "--restore-point", "2020-01-01T00:00:00Z") == 2
    assert "a baseline" in capsys.readouterr().out
