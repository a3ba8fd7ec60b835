"""V.3, rows that must be there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from validation.catalog import Catalog
from validation.checks.common import missing_column, missing_table, number
from validation.expected import MustExist
from validation.names import quoted
from validation.queries import query
from validation.questions import Answer, Check, Judgement, Question, failed, passed


def checks(catalog: Catalog, wanted: Sequence[MustExist]) -> Iterator[Check]:
    for expectation in wanted:
        key = ", ".join(f"{quoted(column)}={value}" for column, value in expectation.key)
        name = f"must-exist:{expectation.table}({key})"
        facts = catalog.by_name.get(expectation.table)
        absent = [column for column, _ in expectation.key if facts and column not in facts.columns]
        if facts is None:
            yield missing_table(name, expectation.table)
        elif absent:
            yield missing_column(name, ", ".join(absent))
        else:
            yield _exists(name, expectation)


def _exists(name: str, wanted: MustExist) -> Check:
    def judge(answers: Sequence[Answer]) -> Judgement:
        rows = int(answers[0].row["rows"])
        if not rows:
            fix = "choose a recovery point at which the row was there"
            return failed("no such row", "at least 1 row", fix)
        return passed(number(rows, "row"), "at least 1 row")

    condition = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(value)) for column, value in wanted.key
    )
    statement = query("must_exist", table=wanted.table.identifier, condition=condition)
    return Check(name, judge, (Question(f"must-exist:{wanted!r}", statement),), "at least 1 row")
