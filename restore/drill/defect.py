"""The defect that a drill plants in the restored database, and that validation must find.

The checks themselves are proved by `python -m validation selftest`, with every defect of validation/selftest; here it
is proved that the team's own expectations find the one that matters most: a table that has lost its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from psycopg import sql

from restore.errors import PermanentError, Problem, RestoreError
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
IS_LOCAL = """
WITH RECURSIVE part(oid) AS (
    SELECT c.oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = {} AND c.relname = {}
    UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN part ON part.oid = i.inhparent)
SELECT pg_catalog.bool_and(c.relkind IN ('r', 'p')) FROM part JOIN pg_catalog.pg_class AS c USING (oid)
"""
"""Whether all rows of a table are in this database. A view's may not be; those of a foreign table, or of a partition
that is one, are in another server, which TRUNCATE and DELETE reach (documentation, F.36 postgres_fdw)."""

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
    RestoreError where none may, and PermanentError for a table that has rows elsewhere, which nothing was done to."""
    last: RestoreError | None = None
    for login in logins:
        for way in WAYS:
            statement = sql.SQL(way).format(defect.table.identifier)
            try:
                with login() as connection:
                    require_local(connection, defect.table)
                    connection.execute(WRITABLE)
                    connection.execute(statement)
            except RestoreError as error:
                last = error
            else:
                return statement.as_string()
    raise last or RestoreError("no login to plant a defect with")


def require_local(connection: Connection, table: Table) -> None:
    """Raises PermanentError unless all rows of the table are in this very database, which the drill deletes."""
    question = sql.SQL(IS_LOCAL).format(sql.Literal(table.schema), sql.Literal(table.name))
    row = connection.execute(question).fetchone()
    if row is None or row[0] is not True:
        found = f"{table} is a view, a foreign table, or has partitions that are: its rows may be in another database"
        fix = "pulumi config set --path validation.inline.tables.<table>.min <fewer rows, of an ordinary table>"
        raise PermanentError.of(Problem("drill.defect", found, "a table of the restored database alone", fix))


def find_miss(defect: Defect, report: ValidationReport) -> str | None:
    """Returns how validation missed the defect, or None where its check failed as it must. Pure."""
    result = next((item for item in report.results if item.name == defect.found_by), None)
    if result is None:
        return f"no check {defect.found_by} was made"
    return None if result.verdict is Verdict.FAIL else f"{defect.found_by} is {result.verdict}: {result.found}"
