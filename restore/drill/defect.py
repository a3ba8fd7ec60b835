"""The defect that a drill plants in the restored database, and that validation must find.

The checks themselves are proved by `python -m validation selftest`, with every defect of validation/selftest; here it
is proved that the team's own expectations find the one that matters most: a table that has lost its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from psycopg import sql

from restore.errors import RestoreError
from restore.postgres import Connection
from validation import expectations
from validation.expectations.model import Expectations, RowRange
from validation.expectations.table_names import Table
from validation.runner.result import ValidationReport
from validation.verdict import Verdict

ROWS = "rows"
WRITABLE = "set default_transaction_read_only = off"
WAYS = ("truncate table {} cascade", "delete from {}")
"""How a table is emptied: the first needs its ownership, the second a table that no other refers to."""

Open = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True)
class Defect:
    """A table to empty, and the check that must find it."""

    table: Table
    rows: RowRange

    @property
    def name(self) -> str:
        return f"table {self.table} emptied"

    @property
    def found_by(self) -> str:
        return f"{ROWS}:{self.table}"

    @property
    def expected(self) -> Expectations:
        """What the team expects of this table alone: the second pass need not read the others' rows."""
        bounds = {"min": self.rows.min} if self.rows.min else {"at_least_of_source": self.rows.at_least_of_source}
        wanted = {"required": [ROWS], "tables": {str(self.table): bounds}}
        return expectations.from_mapping(wanted, "the planted defect")


def choose(expected: Expectations) -> Defect | None:
    """Returns the table to empty: of those that must have rows, the one that needs fewest. None where the expectations
    require no row of any table. Pure."""
    fitting = [
        Defect(table, rows) for table, rows in expected.tables.items() if rows.min or (rows.at_least_of_source or 0) > 0
    ]
    return min(fitting, key=lambda item: (not item.rows.min, item.rows.min or 0, str(item.table)), default=None)


def plant(defect: Defect, logins: Sequence[Open]) -> str:
    """Empties the table, with the first login and in the first way that may; returns the statement. Raises the last
    RestoreError where none may."""
    last: RestoreError | None = None
    for login in logins:
        for way in WAYS:
            statement = sql.SQL(way).format(defect.table.identifier)
            try:
                with login() as connection:
                    connection.execute(WRITABLE)
                    connection.execute(statement)
            except RestoreError as error:
                last = error
            else:
                return statement.as_string()
    raise last or RestoreError("no login to plant a defect with")


def find_miss(defect: Defect, report: ValidationReport) -> str | None:
    """Returns how validation missed the defect, or None where its check failed as it must. Pure."""
    result = next((item for item in report.results if item.name == defect.found_by), None)
    if result is None:
        return f"no check {defect.found_by} was made"
    return None if result.verdict is Verdict.FAIL else f"{defect.found_by} is {result.verdict}: {result.found}"
