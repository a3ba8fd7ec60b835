"""Expectations are read whole, or refused with every mistake at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from validation import ExpectationsError, from_mapping, load
from validation.expected import Expectations, Freshness, Limits, Migrations, MustExist, NotNull, RowRange
from validation.names import Table, quoted

FILE = """
required = ["rows", "freshness"]

[server]
version = "17"
database = "ghost_protocol"

[tables.users]
min = 1_000
at_least_of_source = 0.9

[tables.'audit."odd.name"']
max = 5

[[must_exist]]
table = "users"
key = { id = "known-user-id", number = 7, active = true }

[[freshness]]
table = "transactions"
column = "created_at"
tolerance_seconds = 300

[migrations]
last = "b"
applied = ["a", "b"]

[[not_null]]
table = "users"
columns = ["email", "created_at"]

[limits]
workers = 2
"""


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
    }
    assert read.must_exist == (MustExist(users(), (("id", "known-user-id"), ("number", "7"), ("active", "true"))),)
    assert read.freshness == (Freshness(users("transactions"), "created_at", 300.0),)
    assert read.migrations == Migrations(last="b", applied=("a", "b"))
    assert read.not_null == (NotNull(users(), ("email", "created_at")),)
    assert read.limits == Limits(workers=2)
    assert read.declared == {"rows", "must-exist", "freshness", "migrations", "not-null"}


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
            }
        )
    assert {problem.where for problem in caught.value.problems} == {
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
    }
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
        {"server": "17"},
    ],
)
def test_a_mistake_is_one_problem_not_two(data: dict[str, Any]) -> None:
    with pytest.raises(ExpectationsError) as caught:
        from_mapping(data)
    assert len(caught.value.problems) == 1, str(caught.value)


def test_whole_numbers_may_come_as_floats_since_json_has_no_others() -> None:
    assert from_mapping({"tables": {"users": {"min": 3.0}}}).tables[users()].min == 3


@pytest.mark.parametrize("content", [None, b"[tables", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_a_mistake_of_its_own(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "checks.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExpectationsError, match="found"):
        load(path)


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
    assert [quoted(name) for name in ("a", "a.b", 'a"b')] == ["a", '"a.b"', '"a""b"']
