"""V.3, rows that must be there, and rows that must be gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from validation.checks.check import Check, Judgement, judge_failed, judge_passed
from validation.checks.common import build_missing_column, build_missing_table
from validation.connect.query import Answer, Question
from validation.expectations.model import MustExist, MustNotExist
from validation.expectations.table_names import quote
from validation.schema.catalog import Catalog
from validation.sql.queries import query
from validation.terminal import format_number

NONE, SOME = "no such row", "at least 1 row"


def build_checks(catalog: Catalog, expectations: Sequence[MustExist | MustNotExist]) -> Iterator[Check]:
    """Yields a check for each row that must be there or gone; one of a missing table or column fails at once."""
    for expectation in expectations:
        key = ", ".join(f"{quote(column)}={value}" for column, value in expectation.key)
        family = "must-exist" if isinstance(expectation, MustExist) else "must-not-exist"
        name = f"{family}:{expectation.table}({key})"
        facts = catalog.by_name.get(expectation.table)
        absent = [column for column, _ in expectation.key if facts and column not in facts.columns]
        if facts is None:
            yield build_missing_table(name, expectation.table)
        elif absent:
            yield build_missing_column(name, ", ".join(absent))
        else:
            yield _build_exists_check(name, expectation)


def _build_exists_check(name: str, expectation: MustExist | MustNotExist) -> Check:
    condition = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value)) for column, value in expectation.key
    )
    statement = query("must_exist", table=expectation.table.identifier, condition=condition)
    question = Question(f"must-exist:{expectation.table!r}{expectation.key!r}", statement)
    there = isinstance(expectation, MustExist)
    return Check(name, _judge_there if there else _judge_gone, (question,), SOME if there else NONE)


def _judge_there(answers: Sequence[Answer]) -> Judgement:
    rows = int(answers[0].row["rows"])
    if not rows:
        return judge_failed(NONE, SOME, "docs/checks.md: choose a recovery point at which the row was there")
    return judge_passed(format_number(rows, "row"), SOME)


def _judge_gone(answers: Sequence[Answer]) -> Judgement:
    rows = int(answers[0].row["rows"])
    if rows:
        return judge_failed(
            format_number(rows, "row"),
            NONE,
            "docs/checks.md: choose a recovery point before the row came in, or remove it",
        )
    return judge_passed(NONE, NONE)
