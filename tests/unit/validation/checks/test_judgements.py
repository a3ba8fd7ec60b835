"""Judging without a server: silence, migrations, moments, and the queries on disk."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

import validation
from validation import Severity, Verdict
from validation.checks.check import Check, Judgement, judge_passed
from validation.checks.integrity import build_foreign_key_check, build_sequence_check
from validation.checks.migrations import find_applied, find_broken
from validation.checks.server import build_identity
from validation.connect.query import Answer, Question, Unanswered
from validation.connect.target import Target
from validation.expectations.model import Server
from validation.expectations.table_names import Table
from validation.runner.result import evaluate
from validation.schema.catalog import ForeignKey, SequenceUse
from validation.sql import queries
from validation.times import from_epoch

PACKAGE = Path(validation.__file__).parent
QUESTION = Question("q", sql.SQL("select 1").format())


def always(_: Sequence[Answer]) -> Judgement:
    return judge_passed("all is well", "anything")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_no_judge_can_turn_silence_into_a_pass(verdict: Verdict) -> None:
    check = Check("c", always, (QUESTION, Question("r", QUESTION.statement)))
    answers = {"q": Answer(({},)), "r": Unanswered(verdict, "gone", "look")}
    assert evaluate(check, answers).verdict is verdict


def migration(name: str, finished: float | None, rolled_back: float | None = None) -> dict[str, Any]:
    return {"name": name, "started": 0.0, "finished": finished, "rolled_back": rolled_back}


def test_the_last_migration_is_the_one_that_was_finished_last_never_an_unfinished_one() -> None:
    found = [migration("c", None), migration("b", 1.0), migration("a", 2.0), migration("d", 3.0, 4.0)]
    assert find_applied(found) == ["b", "a"]
    assert find_broken(found) == ["c is unfinished", "d was rolled back"]


def test_a_migration_with_a_later_run_counts_as_applied() -> None:
    assert find_broken([migration("a", None, 1.0), migration("a", 2.0)]) == []


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (Decimal("0.000001"), datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
        (Decimal("1795357800.123456"), datetime(2026, 11, 22, 14, 30, 0, 123456, tzinfo=UTC)),
        (Decimal("Infinity"), None),
        (Decimal("-Infinity"), None),
        (Decimal("9e15"), None),
        (Decimal("-9e12"), None),
    ],
)
def test_moments_are_exact_and_what_is_beyond_time_is_none(epoch: Decimal, expected: datetime | None) -> None:
    assert from_epoch(epoch) == expected


def test_every_query_is_used_and_every_used_query_is_there() -> None:
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    used = {name for text in sources for name in re.findall(r'query\(\s*"(\w+)"', text)}
    assert used | {"tables", "foreign_keys", "sequences", "extensions"} == set(queries.names())


@cache
def nodes() -> list[tuple[Path, ast.AST]]:
    """Calls and imports in the sources of the package."""
    return [
        (path, node)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call | ast.Import | ast.ImportFrom)
    ]


def test_no_statement_is_put_together_as_a_string() -> None:
    statements = [
        (path, node.args[0])
        for path, node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "SQL"
    ]
    assert statements
    assert [path for path, statement in statements if isinstance(statement, ast.JoinedStr | ast.BinOp)] == []


def test_validation_depends_on_nothing_else_of_this_project() -> None:
    modules = {alias.name for _, node in nodes() if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for _, node in nodes() if isinstance(node, ast.ImportFrom)}
    packages = {module.partition(".")[0] for module in modules}
    assert "validation" in packages
    assert not packages & {"restore", "sandbox", "tests"}


SERVER: dict[str, Any] = {
    "database": "d",
    "in_recovery": False,
    "version": "17.10",
    "major": 17,
    "address": "10.0.0.5",
    "port": 5432,
    "started": "1",
}


@pytest.mark.parametrize(
    ("changed", "address", "verdict"),
    [
        ({}, None, Verdict.PASS),
        ({}, "10.0.0.5", Verdict.PASS),
        ({}, "10.0.0.5:5432", Verdict.PASS),
        ({"address": "fe80::1"}, "[fe80::1]:5432", Verdict.PASS),
        ({"in_recovery": True}, None, Verdict.FAIL),
        ({"database": "other"}, None, Verdict.FAIL),
        ({"major": 16}, None, Verdict.FAIL),
        ({}, "10.0.0.6", Verdict.FAIL),
        ({"address": None, "port": None}, "10.0.0.5", Verdict.FAIL),
    ],
)
def test_a_server_that_is_another_or_still_recovers_is_refused(
    changed: dict[str, Any], address: str | None, verdict: Verdict
) -> None:
    check = build_identity(Target("h", "d", "u", expected_address=address), Server(version=17))
    assert check.judge([Answer(({**SERVER, **changed},))]).verdict is verdict


@pytest.mark.parametrize(
    ("last", "called", "increment", "furthest", "verdict"),
    [
        (10, True, 1, 10, Verdict.PASS),
        (10, False, 1, 10, Verdict.FAIL),
        (10, False, 1, 9, Verdict.PASS),
        (9, True, 1, 10, Verdict.FAIL),
        (-10, True, -1, -10, Verdict.PASS),
        (-9, True, -1, -10, Verdict.FAIL),
        (1, False, 1, None, Verdict.PASS),
        (2**62, True, 1, Decimal(2**62 + 1), Verdict.FAIL),
    ],
)
def test_a_sequence_is_behind_when_its_next_value_is_taken(
    last: int, called: bool, increment: int, furthest: int | Decimal | None, verdict: Verdict
) -> None:
    use = SequenceUse(Table("s", "q"), Table("s", "t"), "c", increment, cycles=False, number=True)
    row = {"last_value": last, "is_called": called, "furthest": furthest}
    assert build_sequence_check(use).judge([Answer((row,))]).verdict is verdict


def test_a_sequence_that_cannot_be_judged_is_shown_but_never_passed() -> None:
    check = build_sequence_check(SequenceUse(Table("s", "q"), Table("s", "t"), "c", 1, cycles=True, number=True))
    assert check.severity is Severity.ADVISORY
    assert check.judge([]).verdict is Verdict.INCONCLUSIVE


def test_a_foreign_key_that_cannot_be_judged_is_never_passed() -> None:
    pair = ((("pg_catalog", "="),), (None,))
    for operators, period in (((("s", "= x) or true --"),), False), (pair[0], True)):
        key = ForeignKey(
            "k",
            Table("s", "c"),
            False,
            ("a",),
            Table("s", "p"),
            False,
            ("b",),
            operators,
            pair[1],
            full=False,
            validated=True,
            enforced=True,
            period=period,
            pages=1,
        )
        check = build_foreign_key_check(key, ())
        assert check.questions == ()
        assert check.judge([]).verdict is Verdict.INCONCLUSIVE
