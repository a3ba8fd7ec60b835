"""What the database itself tells: when migrations finished, and where rows are missing from a table's times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from restore.postgres.connection import Connection
from restore.when.model import Coverage, Period, Reach, Reading, Suspect
from validation.baseline.model import Baseline
from validation.expectations.table_names import Table

COLUMN = "created_at"
MIGRATIONS, ROWS = "migrations", "rows"
LEAST_SECONDS = 60
HAS_COLUMN = """
SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass(%s) AND attname = %s AND NOT attisdropped
  AND atttypid IN ('pg_catalog.timestamptz'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype)
"""
FINISHED = """
SELECT migration_name, finished_at, rolled_back_at FROM {table}
WHERE finished_at BETWEEN %(since)s AND %(until)s ORDER BY finished_at
"""
GAPS = """
WITH times AS (
    SELECT {column} AS at, {column} - lag({column}) OVER (ORDER BY {column}) AS gap
    FROM {table} WHERE {column} BETWEEN %(since)s AND %(until)s
), usual AS (
    SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY gap) AS gap FROM times
)
SELECT times.at - times.gap, times.at FROM times, usual
WHERE times.gap > greatest(usual.gap * 10, pg_catalog.make_interval(secs => %(least)s)) ORDER BY times.at DESC LIMIT 10
"""
"""A gap of at least a minute that is ten times as long as 95 of 100 are."""
COUNT = "SELECT pg_catalog.count(*) FROM {table} WHERE {column} <= %(taken)s OR {column} IS NULL"


def read_migrations(connection: Connection, table: Table, period: Period) -> Reading:
    """Reads when migrations finished, from Prisma's table. Raises PermanentError, TemporaryError."""
    if not _has_column(connection, table, "finished_at"):
        return Reading((Coverage(MIGRATIONS, Reach.NOT_RECORDED, f"there is no table {table} with finished_at"),))
    bounds = {"since": period.since, "until": period.until}
    rows = _ask(connection, sql.SQL(FINISHED).format(table=_identify(table)), bounds)
    suspects = tuple(
        Suspect(_to_utc(at), "migration", f"{name}{' (rolled back later)' if back else ''}", MIGRATIONS)
        for name, at, back in rows
    )
    text = f"those that finished, in {table}; one that broke off has no time"
    return Reading((Coverage(MIGRATIONS, Reach.RECORDED, text),), suspects)


def read_missing_rows(connection: Connection, table: Table, baseline: Baseline | None, period: Period) -> Reading:
    """Reads where a table's created_at has gaps, and how many rows of the baseline are gone. Raises PermanentError,
    TemporaryError."""
    source = f"{ROWS} of {table}"
    if not _has_column(connection, table, COLUMN):
        text = f"there is no table {table} with a timestamp {COLUMN}"
        return Reading((Coverage(source, Reach.NOT_RECORDED, text),))
    names = {"table": _identify(table), "column": sql.Identifier(COLUMN)}
    bounds = {"since": period.since, "until": period.until, "least": LEAST_SECONDS}
    gaps = _ask(connection, sql.SQL(GAPS).format(**names), bounds)
    suspects = tuple(build_gap(table, _to_utc(begin), _to_utc(end)) for begin, end in gaps)
    text = f"gaps in {COLUMN} that rows followed; a DELETE of rows here and there leaves none"
    coverage = [Coverage(source, Reach.NOT_RECORDED, text)]
    state = baseline.tables.get(table) if baseline else None
    if baseline and state:
        present = _ask(connection, sql.SQL(COUNT).format(**names), {"taken": baseline.taken})[0][0]
        coverage.append(compare(table, state.rows, present, baseline.taken))
    return Reading(tuple(coverage), suspects)


def build_gap(table: Table, begin: datetime, end: datetime) -> Suspect:
    """Returns a gap as a suspect, at its end: who deleted everything up to then did it at that second. Pure."""
    what = (
        f"none of {table} has {COLUMN} after {begin:%Y-%m-%d %H:%M:%S} and before {end:%Y-%m-%d %H:%M:%S} UTC: nobody "
        "wrote then, or the rows were deleted, at the end of the gap or later"
    )
    return Suspect(end, "rows missing", what, f"{ROWS} of {table}")


def compare(table: Table, before: int, present: int, taken: datetime) -> Coverage:
    """Tells how many rows of the baseline are gone. Pure."""
    since = f"the baseline of {taken.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    source = f"{ROWS} of {table}, against the baseline"
    if present < before:
        text = f"{before - present:,} of the {before:,} rows of {since} are gone: deleted since then"
        return Coverage(source, Reach.RECORDED, text)
    return Coverage(source, Reach.RECORDED, f"as many rows as in {since}, or more: {before:,} then, {present:,} now")


def _has_column(connection: Connection, table: Table, column: str) -> bool:
    name = _identify(table).as_string(connection)
    return bool(_ask(connection, sql.SQL(HAS_COLUMN), [name, column])[0][0])


def _identify(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _ask(connection: Connection, query: sql.SQL | sql.Composed, parameters: Any) -> list[tuple[Any, ...]]:
    return connection.execute(query, parameters).fetchall()


def _to_utc(at: datetime) -> datetime:
    """A column without a time zone is read as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
