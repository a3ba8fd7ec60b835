"""Rows that were erased on purpose, by the record that the source keeps of that, looked for in another database."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from restore.errors import PermanentError
from restore.postgres.connection import Connection

MOST_KEYS = 1_000_000
BATCH = 1000
KEYS = "select distinct {column}::text from {table} where {column} is not null limit {most}"
PRESENT = "select count(*) from {table} where {column} in ({keys})"
"""The keys are literals without a type, so that they take the column's and its index can be used."""


def list_erased_keys(connection: Connection, table: sql.Identifier, column: str) -> list[str]:
    """Reads the keys that were erased, as text. Raises PermanentError when there are more than can be held."""
    statement = sql.SQL(KEYS).format(column=sql.Identifier(column), table=table, most=sql.Literal(MOST_KEYS + 1))
    keys = [str(key) for (key,) in connection.execute(statement).fetchall()]
    if len(keys) > MOST_KEYS:
        raise PermanentError(f"the record holds more than {MOST_KEYS:,} keys")
    return keys


def count_present(connection: Connection, table: sql.Identifier, column: str, keys: Sequence[str]) -> int:
    """Counts the rows with one of these keys."""
    total = 0
    for start in range(0, len(keys), BATCH):
        listed = sql.SQL(", ").join(map(sql.Literal, keys[start : start + BATCH]))
        statement = sql.SQL(PRESENT).format(table=table, column=sql.Identifier(column), keys=listed)
        row = connection.execute(statement).fetchone()
        total += int(row[0]) if row else 0
    return total
