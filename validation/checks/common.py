"""What several checks say or compose in the same way."""

from __future__ import annotations

import json
from collections.abc import Sequence

from psycopg import sql

from validation.baseline.faults import LISTED, Fault, FaultList, Faults
from validation.checks.check import Check, failed, settled
from validation.connect.query import Answer, Example, Question, Row
from validation.expectations.table_names import Table
from validation.sql.queries import query


def missing_table(name: str, table: Table) -> Check:
    fix = "is this the right database? is the recovery point earlier than the table?"
    return settled(name, failed(f"no table {table}", f"table {table}", fix))


def missing_column(name: str, column: str) -> Check:
    fix = "is the recovery point earlier than the column's migration? otherwise correct the expectations"
    return settled(name, failed(f"no column {column}", f"column {column}", fix))


def key_of(columns: Sequence[str], alias: str = "c") -> sql.Composed:
    """A JSON object with the columns' values as text, cut at 80 characters; without columns, the row's place.

    For `select {keys} as keys from ... as c`.
    """
    pairs = (
        sql.SQL("{}, left({}::text, 80)").format(sql.Literal(column), sql.Identifier(alias, column))
        for column in columns or ("ctid",)
    )
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def fault_list(name: str, things: str, faults: sql.Composable, like: Question, *, recorded: bool = True) -> FaultList:
    """All faults of a check, of a query with the columns told, shown and decides; asked as `like` is."""
    statement = query("faults", faults=faults, most=sql.Literal(LISTED))
    question = Question(f"faults:{name}", statement, cost=like.cost, seconds=like.seconds, settings=like.settings)
    return FaultList(things, question, _faults, recorded)


def _faults(answer: Answer) -> Faults:
    return Faults(int(answer.row["count"]), tuple(_fault(row) for row in answer.row["listed"]))


def _fault(row: Row) -> Fault:
    return Fault(row["place"], example(row["shown"]), row["decides"])


def example(values: Row) -> Example:
    return {column: text_of(value) for column, value in values.items()}


def text_of(value: object) -> str | None:
    """A value that names a row, as text, cut at 80 characters."""
    if value is None:
        return None
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return text[:80]
