"""Judging without a server: silence, migrations, moments, and the queries on disk."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

import validation
from validation import Verdict, queries
from validation.checks.migrations import applied, broken
from validation.checks.rows import moment
from validation.questions import Answer, Check, Judgement, Question, Unanswered, passed, result

PACKAGE = Path(validation.__file__).parent
QUESTION = Question("q", sql.SQL("select 1").format())


def always(_: Sequence[Answer]) -> Judgement:
    return passed("all is well", "anything")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_no_judge_can_turn_silence_into_a_pass(verdict: Verdict) -> None:
    check = Check("c", always, (QUESTION, Question("r", QUESTION.statement)))
    answers = {"q": Answer(({},)), "r": Unanswered(verdict, "gone", "look")}
    assert result(check, answers, queries.text).verdict is verdict


def migration(name: str, finished: float | None, rolled_back: float | None = None) -> dict[str, Any]:
    return {"name": name, "started": 0.0, "finished": finished, "rolled_back": rolled_back}


def test_the_last_migration_is_the_one_that_was_finished_last_never_an_unfinished_one() -> None:
    found = [migration("c", None), migration("b", 1.0), migration("a", 2.0), migration("d", 3.0, 4.0)]
    assert applied(found) == ["b", "a"]
    assert broken(found) == ["c is unfinished", "d was rolled back"]


def test_a_migration_with_a_later_run_counts_as_applied() -> None:
    assert broken([migration("a", None, 1.0), migration("a", 2.0)]) == []


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
    assert moment(epoch) == expected


def test_every_query_is_used_and_every_used_query_is_there() -> None:
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    used = {name for text in sources for name in re.findall(r'query\(\s*"(\w+)"', text)}
    assert used | {"tables", "foreign_keys", "sequences"} == set(queries.names())


def test_no_statement_is_put_together_as_text() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "SQL":
                assert not isinstance(node.args[0], ast.JoinedStr | ast.BinOp), path


def test_validation_depends_on_nothing_else_of_this_project() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"restore", "sandbox", "tests"}, path
