"""Brings the candidate's rows into temporary tables of the database that serves: only parts of a table that differ.

Both servers hash a table's ranges of keys at the same time; rows of ranges with equal hashes are never sent. Rows pass
through this process as they come, a piece at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO

from psycopg import sql
from psycopg.abc import Buffer
from psycopg.rows import dict_row

from restore.postgres.connection import Connection
from restore.rescue import statements
from restore.rescue.statements import EVERY, Part
from validation.connect.query import Answer
from validation.expectations.table_names import Table
from validation.loss import comparability, hashing, key_ranges
from validation.loss.comparability import TablePair, TableShape
from validation.loss.key_ranges import Ranges
from validation.sql.queries import query

SMALL_PAGES = 64
"""Tables up to this size (of 8 KiB pages) are sent whole."""
BLOCK_BYTES = 1 << 16
NO_TIMEOUTS = """
SELECT set_config(name, '0', false) FROM pg_settings
WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""
"""The second since PostgreSQL 17."""
BINARY = (*hashing.HASHED, "bytea", "date", "json", "real")
"""Types whose binary form is the same in every version of PostgreSQL."""


def ask(connection: Connection, statement: sql.Composed) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement).fetchall()


def read_shapes(connection: Connection) -> Mapping[Table, TableShape]:
    """Returns every table with its columns and key."""
    return comparability.read(Answer(tuple(ask(connection, query("loss_tables")))))


def prepare(connection: Connection) -> None:
    """Makes both servers write equal values as equal text; what row security would hide is an error instead, and one
    may wait for the other in a transaction. Before that begins."""
    connection.execute("SET row_security = off; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'")
    connection.execute("SET client_encoding = 'UTF8'; SET jit = off; SET temp_buffers = '32MB'")
    connection.execute(NO_TIMEOUTS)
    ask(connection, query("loss_session"))


@dataclass(frozen=True)
class Scope:
    """Which rows of the candidate are sent, as a condition on them. `here` is one for rows of the source, without which
    none has a key that was sent."""

    condition: sql.Composable
    here: sql.Composable


def find_differing_scope(source: Connection, candidate: Connection, pair: TablePair, columns: Collection[str]) -> Scope:
    """Returns a scope that has all rows of the candidate that are missing in the source or differ in these columns."""
    if pair.pages <= SMALL_PAGES:
        return Scope(EVERY, EVERY)
    ranges = _choose_ranges(candidate, pair)
    if not ranges.bounds:
        return Scope(EVERY, EVERY)
    compared = [column for column in pair.columns if column in pair.key or column.name in columns]
    counted = statements.count_buckets(pair.candidate.relation, compared, ranges)
    with ThreadPoolExecutor(1) as aside:
        there = aside.submit(_read_buckets, candidate, counted)
        here = _read_buckets(source, counted)
    differing = [bucket for bucket, facts in there.result().items() if here.get(bucket) != facts]
    if not differing:
        return Scope(sql.SQL("false"), EVERY)
    condition = ranges.compose_condition(differing)
    return Scope(condition, condition if ranges.is_by_bounds(differing) else EVERY)


def _choose_ranges(candidate: Connection, pair: TablePair) -> Ranges:
    statement = key_ranges.compose_sample(pair, pair.candidate, pair.candidate.pages)
    return key_ranges.choose_ranges(pair, ask(candidate, statement)[0]) if statement else Ranges()


def _read_buckets(connection: Connection, statement: sql.Composed) -> Mapping[int, tuple[int, int]]:
    return {int(row["bucket"]): (int(row["rows"]), int(row["hash"])) for row in ask(connection, statement)}


def send(source: Connection, candidate: Connection, part: Part, scope: sql.Composable) -> int:
    """Copies the candidate's rows within the scope into the part's temporary table; returns how many."""
    source.execute(statements.make_sent(part))
    return copy(candidate, statements.copy_out(part, scope), source, statements.copy_in(part))


def copy(candidate: Connection, copy_out: sql.Composed, source: Connection, copy_in: sql.Composed) -> int:
    """Passes the rows of one COPY to the other as they come; returns how many."""
    with source.cursor() as into, candidate.cursor() as out:
        with out.copy(copy_out) as rows, into.copy(copy_in) as sent:
            for block in _join_blocks(rows):
                sent.write(block)
        return into.rowcount


def _join_blocks(rows: Iterable[Buffer]) -> Iterator[bytes]:
    """Joins rows: to write each by itself takes longer than the server needs for it."""
    block = bytearray()
    for row in rows:
        block += row
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


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


def find_pair(
    source: Mapping[Table, TableShape], candidate: Mapping[Table, TableShape], table: Table
) -> TablePair | None:
    """Says how a table that both sides have is compared; None for one that a side lacks."""
    here, there = source.get(table), candidate.get(table)
    return comparability.pair_tables(here, there, {}) if here and there else None


def is_binary(pair: TablePair, columns: Collection[str]) -> bool:
    """Tells whether these columns have the same types on both sides, and all of them a binary form that is the same."""
    return all(column.type in BINARY for column in pair.columns if column.name in columns)


def list_shared_columns(pair: TablePair, writable: Sequence[str]) -> tuple[str, ...]:
    """Columns that both sides have and that can be written."""
    return tuple(column.name for column in pair.columns if column.name in writable)
