"""Expectations are read whole, or refused with every mistake at once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.support.expectations_file import FILE
from validation import ExpectationsError, from_mapping, load
from validation.expectations.model import (
    DECLARABLE,
    Expectations,
    Extension,
    Freshness,
    Limits,
    Migrations,
    MustExist,
    MustNotExist,
    NotNull,
    Role,
    RowRange,
    Setting,
)
from validation.expectations.privileges import Privilege, Scope
from validation.expectations.table_names import Table, quote


def users(name: str = "users") -> Table:
    return Table("public", name)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "checks.toml"
    path.write_text(FILE)
    read = load(path)
    assert (read.server.version, read.server.database) == (17, "ghost_protocol")
    assert read.tables == {
        users(): RowRange(min=1000, at_least_of_source=0.9),
        Table("audit", "odd.name"): RowRange(max=5),
        users("grown"): RowRange(at_least_of_baseline=0.95, at_most_of_baseline=2),
    }
    assert read.must_exist == (MustExist(users(), (("id", "known-user-id"), ("number", "7"), ("active", "true"))),)
    assert read.must_not_exist == (MustNotExist(users(), (("id", "intruder"),)),)
    assert read.freshness == (Freshness(users("transactions"), "created_at", 300.0),)
    assert read.migrations == Migrations(last="b", applied=("a", "b"))
    assert read.not_null == (NotNull(users(), ("email", "created_at")),)
    assert read.settings == (
        Setting("max_connections", "200"),
        Setting("rds.force_ssl", "on"),
        Setting("work_mem", "64MB"),
    )
    assert read.extensions == (Extension("pgcrypto", "1.3"), Extension("pg_stat_statements"))
    assert read.roles == (
        Role(
            "ghost_app",
            login=True,
            superuser=False,
            member_of=("readers",),
            may=(
                Privilege(("SELECT", "INSERT"), Scope.TABLE, users()),
                Privilege(("USAGE",), Scope.SEQUENCE, users("s")),
                Privilege(("USAGE",), Scope.SCHEMA, "public"),
                Privilege(("CONNECT",), Scope.DATABASE),
            ),
            may_not=(Privilege(("DELETE",), Scope.ALL_TABLES, "odd.name"),),
        ),
    )
    assert read.limits == Limits(workers=2)
    assert read.declared == {*DECLARABLE} - {"sql-checks"}


def test_nothing_declared_is_nothing_expected() -> None:
    assert from_mapping({}) == Expectations()


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ExpectationsError) as caught:
        from_mapping(
            {
                "tabels": {},
                "required": ["row-counts"],
                "tables": {"users": {"minimum": 1}, "a.b.c": {"min": 1}, "t": {"min": 5, "max": 1}},
                "must_exist": [{"table": "users"}, {"key": {"id": [1]}}],
                "freshness": [{"table": "t", "column": "c", "tolerance_seconds": -1}, "text"],
                "not_null": {"table": "users"},
                "migrations": {"applied": []},
                "limits": {"workers": 0, "budget_seconds": float("nan")},
                "server": {"version": True},
                "must_not_exist": [dict[str, str]()],
                "settings": {"max_connections": [1]},
                "extensions": {"pgcrypto": 1.3},
                "roles": {"app": {"login": "yes", "may": ["SELECT users", "EAT ON users", "CONNECT ON DATABASE d"]}},
                "sql_checks": ["nowhere"],
            }
        )
    assert {problem.subject for problem in caught.value.problems} == {
        "tabels",
        "required",
        "tables.users.minimum",
        "tables.a.b.c",
        "tables.t",
        "must_exist #1.key",
        "must_exist #2.table",
        "must_exist #2.key.id",
        "freshness #1.tolerance_seconds",
        "freshness #2",
        "not_null",
        "migrations.applied",
        "limits.workers",
        "limits.budget_seconds",
        "server.version",
        "must_not_exist #1.table",
        "must_not_exist #1.key",
        "settings.max_connections",
        "extensions.pgcrypto",
        "roles.app.login",
        "roles.app.may",
        "nowhere",
    }
    assert [problem.subject for problem in caught.value.problems].count("roles.app.may") == 3
    text = str(caught.value)
    assert "did you mean tables?" in text
    assert "did you mean min?" in text
    assert all(word in text for word in ("found", "needs"))


@pytest.mark.parametrize(
    "data",
    [
        {"tables": {"users": {}}},
        {"tables": {"users": {"min": -1}}},
        {"tables": {"users": {"min": 1.5}}},
        {"tables": {"users": {"at_least_of_source": True}}},
        {"tables": {"users": {"min": 1}, "public.users": {"min": 2}}},
        {"must_exist": [{"table": "u", "key": {"id": "1"}}] * 2},
        {"not_null": [{"table": "u", "columns": ["a", "a"]}]},
        {"migrations": {"last": "z", "applied": ["a"]}},
        {"freshness": [{"table": "u", "column": "c", "tolerance_seconds": float("inf")}]},
        {"migrations": []},
        {"migrations": {"applied": ["a"], "directory": "."}},
        {"migrations": {"directory": "nowhere"}},
        {"tables": {"users": {"at_least_of_baseline": 1, "at_most_of_baseline": 0.5}}},
        {"roles": {"app": []}},
        {"roles": {"app": {"may": ["SELECT ON a.b.c"]}}},
        {"extensions": {"pgcrypto": " "}},
        {"server": "17"},
        {"server": None},
    ],
)
def test_a_mistake_is_one_problem_not_two(data: dict[str, Any]) -> None:
    with pytest.raises(ExpectationsError) as caught:
        from_mapping(data)
    assert len(caught.value.problems) == 1, str(caught.value)


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        ({"migrations": {"last": "z", "applied": ["a"]}}, "migrations.last"),
        ({"migrations": {"directory": "nowhere"}}, "migrations.directory"),
        ({"tables": {"users": {}}}, "tables.users"),
        ({"roles": {"app": {"may": ["EAT ON users"]}}}, "roles.app.may"),
        ({"not_null": [{"table": "u", "columns": ["a", "a"]}]}, "not_null #1.columns"),
    ],
)
def test_a_mistake_has_the_place_of_the_key_that_is_wrong(data: dict[str, Any], subject: str) -> None:
    with pytest.raises(ExpectationsError) as caught:
        from_mapping(data)
    assert [problem.subject for problem in caught.value.problems] == [subject]


def test_whole_numbers_may_come_as_floats_since_json_has_no_others() -> None:
    assert from_mapping({"tables": {"users": {"min": 3.0}}}).tables[users()].min == 3


@pytest.mark.parametrize("content", [None, b"[tables", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_a_mistake_of_its_own(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "checks.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExpectationsError, match="found"):
        load(path)


def test_a_folder_of_migrations_is_read_beside_the_file_in_prismas_order(tmp_path: Path) -> None:
    for name, script in (("2_b", b"select 1;\r\n"), ("1_a", b"select 2;\n")):
        (tmp_path / "prisma" / name).mkdir(parents=True)
        (tmp_path / "prisma" / name / "migration.sql").write_bytes(script)
    (tmp_path / "prisma" / "migration_lock.toml").write_text("")
    path = tmp_path / "checks.toml"
    path.write_text('[migrations]\ndirectory = "prisma"\n')
    read = load(path).migrations
    assert read
    assert read.applied == ("1_a", "2_b")
    unix, pitr_windows = (hashlib.sha256(script).hexdigest() for script in (b"select 1;\n", b"select 1;\r\n"))
    assert set(dict(read.checksums)["2_b"]) == {unix, pitr_windows}


CHECK = """--: things = "accounts"
--: needed = "no negative balance"
--: fix = "restore another"
select balance >= 0 as ok, id from accounts
"""


def test_own_checks_come_from_the_folders_that_the_file_names(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "balances.sql").write_text(CHECK)
    path = tmp_path / "checks.toml"
    path.write_text('sql_checks = ["own"]\n')
    read = load(path)
    assert [check.name for check in read.sql_checks] == ["balances"]
    assert read.declared == {"sql-checks"}
    (tmp_path / "own" / "indexes.sql").write_text(CHECK)
    (tmp_path / "own" / "broken.sql").write_text("select 1")
    with pytest.raises(ExpectationsError) as caught:
        load(path)
    assert 'found "indexes", needs a name that no other check has' in str(caught.value)
    assert "broken" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("users", Table("public", "users")),
        ("Users", Table("public", "Users")),
        ("audit.users", Table("audit", "users")),
        ('"a.b"."c""d"', Table("a.b", 'c"d')),
        ("with space.100%", Table("with space", "100%")),
    ],
)
def test_names_are_read_as_they_stand_in_the_catalog(text: str, table: Table) -> None:
    assert Table.parse(text) == table
    assert Table.parse(str(table)) == table


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a.b.c", '"a', 'a"b', '""', '"a"b'])
def test_half_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="schema"):
        Table.parse(text)


def test_a_name_with_a_quote_or_a_dot_is_quoted() -> None:
    assert [quote(name) for name in ("a", "a.b", 'a"b')] == ["a", '"a.b"', '"a""b"']
