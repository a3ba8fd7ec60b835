"""What several checks say or compose in the same way."""

from __future__ import annotations

import json
from collections.abc import Sequence

from psycopg import sql

from validation.baseline.faults import LISTED, Fault, FaultList, Faults
from validation.checks.check import Check, build_settled, judge_failed
from validation.connect.query import Answer, Example, Question, Row
from validation.expectations.table_names import Table
from validation.sql.queries import query


def build_missing_table(name: str, table: Table) -> Check:
    """Builds the check that fails because the table that it is about isn't there."""
    fix = "docs/checks.md: is this the right database? is the recovery point earlier than the table?"
    return build_settled(name, judge_failed(f"no table {table}", f"table {table}", fix))


def build_missing_column(name: str, column: str) -> Check:
    """Builds the check that fails because the column that it is about isn't there."""
    fix = "docs/checks.md: is the recovery point earlier than the migration? or correct the expectations"
    return build_settled(name, judge_failed(f"no column {column}", f"column {column}", fix))


def compose_key(columns: Sequence[str], alias: str = "c") -> sql.Composed:
    """Returns a JSON object with the columns' values as text, cut at 80 characters; without columns, the row's place.

    For `select {keys} as keys from ... as c`.
    """
    pairs = (
        sql.SQL("{}, left({}::text, 80)").format(sql.Literal(column), sql.Identifier(alias, column))
        for column in columns or ("ctid",)
    )
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def build_fault_list(
    name: str, things: str, faults: sql.Composable, like: Question, *, recorded: bool = True
) -> FaultList:
    """Returns all faults of a check, of a query with the columns told, shown and decides; asked as `like` is."""
    statement = query("faults", faults=faults, most=sql.Literal(LISTED))
    question = Question(f"faults:{name}", statement, cost=like.cost, seconds=like.seconds, settings=like.settings)
    return FaultList(things, question, _read_faults, recorded)


def _read_faults(answer: Answer) -> Faults:
    return Faults(int(answer.row["count"]), tuple(_read_fault(row) for row in answer.row["listed"]))


def _read_fault(row: Row) -> Fault:
    return Fault(row["place"], read_example(row["shown"]), row["decides"])


def read_example(values: Row) -> Example:
    """Returns the values that name a row as text, each cut at 80 characters."""
    return {column: format_value(value) for column, value in values.items()}


def format_value(value: object) -> str | None:
    """Returns a value that names a row, as text, cut at 80 characters."""
    if value is None:
        return None
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return text[:80]
