"""Brings the candidate's rows into temporary tables of the database that serves: only parts of a table that differ.

Both servers hash a table's ranges of keys at the same time; rows of ranges with equal hashes are never sent. Rows pass
through this process as they come, a piece at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from psycopg import sql
from psycopg.rows import dict_row

from restore.postgres.connection import Connection
from restore.rescue import statements
from restore.rescue.statements import EVERY, Part
from validation.connect.query import Answer
from validation.expectations.table_names import Table
from validation.loss import comparability, key_ranges
from validation.loss.comparability import TablePair, TableShape
from validation.loss.key_ranges import Ranges
from validation.sql.queries import query

SMALL_PAGES = 64
"""Tables up to this size (of 8 KiB pages) are sent whole."""


def ask(connection: Connection, statement: sql.Composed) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement).fetchall()


def read_shapes(connection: Connection) -> Mapping[Table, TableShape]:
    """Returns every table with its columns and key."""
    return comparability.read(Answer(tuple(ask(connection, query("loss_tables")))))


def prepare(connection: Connection) -> None:
    """Makes both servers write equal values as equal text; what row security would hide is an error instead."""
    connection.execute("SET row_security = off; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'")
    ask(connection, query("loss_session"))


def differing_scope(source: Connection, candidate: Connection, pair: TablePair) -> sql.Composable:
    """Returns a condition that holds for all rows of the candidate that are missing or differ in the source."""
    if pair.pages <= SMALL_PAGES:
        return EVERY
    ranges = _ranges(candidate, pair)
    if not ranges.bounds:
        return EVERY
    counted = statements.counted_buckets(pair.candidate.relation, pair.columns, ranges)
    with ThreadPoolExecutor(1) as aside:
        there = aside.submit(_buckets, candidate, counted)
        here = _buckets(source, counted)
    differing = [bucket for bucket, facts in there.result().items() if here.get(bucket) != facts]
    return ranges.compose_condition(differing) if differing else sql.SQL("false")


def _ranges(candidate: Connection, pair: TablePair) -> Ranges:
    statement = key_ranges.compose_sample(pair, pair.candidate, pair.candidate.pages)
    return key_ranges.choose_ranges(pair, ask(candidate, statement)[0]) if statement else Ranges()


def _buckets(connection: Connection, statement: sql.Composed) -> Mapping[int, tuple[int, int]]:
    return {int(row["bucket"]): (int(row["rows"]), int(row["hash"])) for row in ask(connection, statement)}


def send(source: Connection, candidate: Connection, part: Part, scope: sql.Composable) -> int:
    """Copies the candidate's rows within the scope into the part's temporary table; returns how many."""
    source.execute(statements.make_sent(part))
    return copy(candidate, statements.copy_out(part, scope), source, statements.copy_in(part))


def copy(candidate: Connection, copy_out: sql.Composed, source: Connection, copy_in: sql.Composed) -> int:
    """Passes the rows of one COPY to the other as they come; returns how many."""
    with source.cursor() as into, candidate.cursor() as out:
        with out.copy(copy_out) as rows, into.copy(copy_in) as sent:
            for piece in rows:
                sent.write(piece)
        return into.rowcount


class RowsToFile:
    """Writes what a COPY ... TO STDOUT answers to a file, and says how many rows that were."""

    def __init__(self, connection: Connection, statement: sql.Composed):
        self._connection, self._statement = connection, statement

    def __call__(self, file: BinaryIO) -> int:
        with self._connection.cursor() as cursor:
            with cursor.copy(self._statement) as rows:
                for piece in rows:
                    file.write(piece)
            return cursor.rowcount


def pair_of(
    source: Mapping[Table, TableShape], candidate: Mapping[Table, TableShape], table: Table
) -> TablePair | None:
    """Says how a table that both sides have is compared; None for one that a side lacks."""
    here, there = source.get(table), candidate.get(table)
    return comparability.pair_tables(here, there, {}) if here and there else None


def shared_columns(pair: TablePair, writable: Sequence[str]) -> tuple[str, ...]:
    """Columns that both sides have and that can be written."""
    return tuple(column.name for column in pair.columns if column.name in writable)
