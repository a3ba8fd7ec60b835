"""V.3, rows that must be there, and rows that must be gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from validation.checks.check import Check, Judgement, failed, passed
from validation.checks.common import missing_column, missing_table
from validation.connect.query import Answer, Question
from validation.expectations.model import MustExist, MustNotExist
from validation.expectations.table_names import quoted
from validation.schema.catalog import Catalog
from validation.sql.queries import query
from validation.terminal import number

NONE, SOME = "no such row", "at least 1 row"


def checks(catalog: Catalog, expectations: Sequence[MustExist | MustNotExist]) -> Iterator[Check]:
    for expectation in expectations:
        key = ", ".join(f"{quoted(column)}={value}" for column, value in expectation.key)
        family = "must-exist" if isinstance(expectation, MustExist) else "must-not-exist"
        name = f"{family}:{expectation.table}({key})"
        facts = catalog.by_name.get(expectation.table)
        absent = [column for column, _ in expectation.key if facts and column not in facts.columns]
        if facts is None:
            yield missing_table(name, expectation.table)
        elif absent:
            yield missing_column(name, ", ".join(absent))
        else:
            yield _exists(name, expectation)


def _exists(name: str, expectation: MustExist | MustNotExist) -> Check:
    condition = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value)) for column, value in expectation.key
    )
    statement = query("must_exist", table=expectation.table.identifier, condition=condition)
    question = Question(f"must-exist:{expectation.table!r}{expectation.key!r}", statement)
    there = isinstance(expectation, MustExist)
    return Check(name, _there if there else _gone, (question,), SOME if there else NONE)


def _there(answers: Sequence[Answer]) -> Judgement:
    rows = int(answers[0].row["rows"])
    if not rows:
        return failed(NONE, SOME, "docs/checks.md: choose a recovery point at which the row was there")
    return passed(number(rows, "row"), SOME)


def _gone(answers: Sequence[Answer]) -> Judgement:
    rows = int(answers[0].row["rows"])
    if rows:
        return failed(
            number(rows, "row"),
            NONE,
            "docs/checks.md: choose a recovery point before the row came in, or remove it",
        )
    return passed(NONE, NONE)
