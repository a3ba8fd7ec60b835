"""A first file is right on the database that it came from, and wrong on a damaged one."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.postgres.scratch_server import PASSWORD, Database
from tests.support.postgres.validation_sample import FAIL, INCONCLUSIVE, ODD, the, url, wrong
from validation import RunOptions, Verdict, from_mapping, load, run
from validation.checks import roles
from validation.commands import main
from validation.connect.query_runner import Budget, ask_all
from validation.connect.session import connect
from validation.expectations.privileges import Privilege, Scope
from validation.expectations.table_names import Table
from validation.runner.result import evaluate

APPLICATION = f"""
create role ghost_app login password '{PASSWORD}';
grant select, insert on all tables in schema public to ghost_app;
grant usage on all sequences in schema public to ghost_app;
create extension pg_trgm;
create table audit (id int primary key);
grant insert on audit to ghost_app;
"""


@pytest.fixture
def application(database: Database, monkeypatch: pytest.MonkeyPatch) -> Generator[Database]:
    """The sample with an application's role and an extension; its URL is in LIVE."""
    monkeypatch.setenv("LIVE", url(database))
    database.execute(APPLICATION)
    yield database
    database.execute("drop owned by ghost_app; drop role ghost_app")


def init(path: Path) -> int:
    return main.main(["init", "--from", "LIVE", str(path)])


def test_the_first_file_passes_on_its_database(application: Database, tmp_path: Path) -> None:
    path = tmp_path / "checks.toml"
    assert init(path) == 0
    read = load(path)
    assert read.tables[Table("public", "users")].min == 450
    assert Table.parse(ODD) in read.tables
    assert read.migrations
    assert read.migrations.applied == ("20260101000000_init", "20260301000000_contracts")
    assert [one.name for one in read.extensions] == ["pg_trgm", "plpgsql"]
    may = read.roles[0].may
    assert Privilege(("INSERT",), Scope.ALL_TABLES, "public") in may
    assert Privilege(("SELECT",), Scope.TABLE, Table("public", "users")) in may
    assert Table("public", "audit") not in [one.on for one in may]
    report = run(application.target, read)
    assert wrong(report) == {}
    assert report.verdict is Verdict.PASS


def test_the_suggestions_are_right_too_once_uncommented(application: Database, tmp_path: Path) -> None:
    application.execute(
        "insert into transactions (user_id, amount, created_at) values ('user-1', 1, now() - interval '1 hour'),"
        " ('user-1', 1, now() + interval '1 year'); create table later (id int primary key, expires timestamptz);"
        "insert into later values (1, now() + interval '1 year')"
    )
    path = tmp_path / "checks.toml"
    assert init(path) == 0
    lines = path.read_text().splitlines()
    starts = [number for number, line in enumerate(lines) if line == "# [[freshness]]"]
    entries = "\n".join(line.removeprefix("# ") for start in starts for line in lines[start : start + 4])
    declared = from_mapping(tomllib.loads(entries))
    assert {"public.smart_contracts", "public.users"} <= {str(one.table) for one in declared.freshness}
    assert 'table = "later"' not in path.read_text().partition("Rows that everybody")[0]
    report = run(application.target, declared, RunOptions(restore_point=datetime.now(UTC)))
    fresh = [result.verdict for result in report.results if result.family == "freshness"]
    assert fresh == [Verdict.PASS] * len(starts)


def test_the_first_file_fails_on_a_damaged_database(application: Database, tmp_path: Path) -> None:
    path = tmp_path / "checks.toml"
    assert init(path) == 0
    application.execute(
        "set session_replication_role = replica; delete from users where id < 'user-3';"
        "delete from _prisma_migrations where id = '2'; drop extension pg_trgm;"
        "revoke insert on transactions from ghost_app; alter role ghost_app nologin"
    )
    found = wrong(run(application.target, load(path)))
    assert {"rows:public.users", "migrations", "extensions:pg_trgm", "roles:ghost_app"} <= found.keys()
    said = the(run(application.target, load(path)), "roles:ghost_app").found
    assert said == "login is off; lacks INSERT on public.transactions"


def test_a_file_that_is_there_is_never_overwritten(application: Database, tmp_path: Path) -> None:
    path = tmp_path / "checks.toml"
    path.write_text("mine")
    assert init(path) == 3
    assert path.read_text() == "mine"
    assert init(tmp_path / "nowhere" / "checks.toml") == 3


def test_a_database_that_does_not_answer_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVE", "postgresql://u:hunter2@127.0.0.1:1/d?sslmode=disable")
    assert init(tmp_path / "checks.toml") == 2
    assert list(tmp_path.iterdir()) == []


HELD: list[tuple[dict[str, object], str]] = [
    ({"login": True, "bypass_rls": False, "may": ["SELECT, INSERT ON users", "CONNECT ON DATABASE"]}, ""),
    ({"may": ["USAGE ON SEQUENCE transactions_id_seq"], "may_not": ["DELETE ON ALL TABLES IN SCHEMA public"]}, ""),
    ({"may": ["DELETE ON users"]}, "lacks DELETE on public.users"),
    ({"may_not": ["SELECT ON users"]}, "has SELECT on public.users"),
    ({"may": ["SELECT ON nowhere"]}, "nothing there for SELECT ON TABLE public.nowhere"),
    ({"superuser": True}, "superuser is off"),
    ({"member_of": ["pg_monitor"]}, "no member of pg_monitor"),
]


def test_what_a_role_may_and_may_not_do_is_held_against_the_server(application: Database) -> None:
    session = connect(application.target)
    try:
        for declared, wanted in HELD:
            (check,) = roles.build_checks(from_mapping({"roles": {"ghost_app": declared}}).roles)
            found = evaluate(check, ask_all(session, check.questions, Budget(30, time.monotonic() + 30)))
            said = "" if found.verdict is Verdict.PASS else found.found
            assert (said, found.verdict) == (wanted, FAIL if wanted else Verdict.PASS)
    finally:
        session.close()


def test_a_role_that_is_not_there_is_found(database: Database) -> None:
    absent = run(database.target, from_mapping({"roles": {"nobody here": {"may": ["SELECT ON users"]}}}))
    assert the(absent, "roles:nobody here").found == "no role nobody here"
    assert absent.verdict is FAIL


def test_settings_are_compared_as_the_server_means_them_and_not_as_this_session_has_them(database: Database) -> None:
    same = {"max_connections": 60, "work_mem": "4096kB", "Fsync": False, "statement_timeout": 0, "row_security": True}
    assert wrong(run(database.target, from_mapping({"settings": same}))) == {}
    other = {"max_connections": 61, "work_mem": "4MB ", "timezone": "Mars", "no.such": "1"}
    found = wrong(run(database.target, from_mapping({"settings": other})))
    assert found == {"settings:max_connections": FAIL, "settings:timezone": FAIL, "settings:no.such": INCONCLUSIVE}


def test_a_row_that_must_be_gone_is_found(database: Database) -> None:
    rows = [{"table": "users", "key": {"id": name}} for name in ("user-7", "intruder")]
    found = wrong(run(database.target, from_mapping({"must_not_exist": rows})))
    assert found == {"must-not-exist:public.users(id=user-7)": FAIL}


def test_an_extension_of_another_version_is_found(database: Database) -> None:
    found = wrong(run(database.target, from_mapping({"extensions": {"plpgsql": "9.9"}})))
    assert found == {"extensions:plpgsql": FAIL}


def test_a_release_that_another_script_made_is_shown(database: Database, tmp_path: Path) -> None:
    for name in ("20260101000000_init", "20260301000000_contracts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "migration.sql").write_text(f"-- {name}\n")
    declared = from_mapping({"migrations": {"directory": str(tmp_path)}})
    known = declared.migrations.checksums[0][1][1] if declared.migrations else ""
    database.execute(f"update _prisma_migrations set checksum = '{known}' where id = '1'")
    report = run(database.target, declared)
    assert wrong(report) == {"migration-checksums": FAIL}
    assert (
        the(report, "migration-checksums").found == "another script than that of 20260301000000_contracts was applied"
    )
    assert report.verdict is Verdict.PASS
    (tmp_path / "20270101000000_next").mkdir()
    (tmp_path / "20270101000000_next" / "migration.sql").write_text("select 1")
    missing = run(database.target, from_mapping({"migrations": {"directory": str(tmp_path)}}))
    assert the(missing, "migrations").found == "20270101000000_next is not applied"
