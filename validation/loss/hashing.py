"""SQL that hashes rows in the server, so that equal values get equal hashes on any two servers. Pure.

A column is hashed by its type's own function where that takes equal values for equal and nothing else (no collation,
no object number of an enum); otherwise by its text. The functions are those of hash partitioning, the same in every
version since 11 on machines of one byte order; sql/loss_probe.sql asks whether they are. A row's hash mixes those of
its columns, each with a seed of its own, and is mixed again: the sum of a bucket's hashes then notices values that two
rows exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import LiteralString

from psycopg import sql

from validation.loss.comparability import Column

HASHED: dict[str, LiteralString] = {
    "smallint": "hashint2extended({value}, {seed})",
    "integer": "hashint4extended({value}, {seed})",
    "bigint": "hashint8extended({value}, {seed})",
    "numeric": "hash_numeric_extended({value}, {seed})",
    "double precision": "hashfloat8extended({value}, {seed})",
    "text": 'hashtextextended({value} collate "C", {seed})',
    "character varying": 'hashtextextended({value} collate "C", {seed})',
    "uuid": "uuid_hash_extended({value}, {seed})",
    "boolean": "hashint4extended({value}::int4, {seed})",
    "timestamp without time zone": "timestamp_hash_extended({value}, {seed})",
    "timestamp with time zone": "timestamp_hash_extended({value} at time zone 'UTC', {seed})",
    "jsonb": "jsonb_hash_extended({value}, {seed})",
}
AS_TEXT: LiteralString = 'hashtextextended({value}::text collate "C", {seed})'
ORDERED: tuple[LiteralString, ...] = (
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "uuid",
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
)
"""Types whose order is the same everywhere. All others are put in order as text, byte by byte."""
NULL = 0x6E756C6C
"""What a null hashes to, with the column's seed."""


def compose_hash(column: Column, seed: int) -> sql.Composed:
    """Returns the 64-bit hash of one column; `seed` tells columns apart, also where they are null."""
    function = HASHED.get(column.type or "", AS_TEXT)
    return sql.SQL("coalesce({}, {})").format(
        sql.SQL(function).format(value=sql.Identifier("t", column.name), seed=sql.Literal(seed)),
        sql.SQL("{}::int8").format(sql.Literal(NULL + seed)),
    )


def compose_mixed_hash(columns: Iterable[Column], seed: int) -> sql.Composed:
    """Returns one 64-bit hash of several columns; of none, of an empty row."""
    parts = [compose_hash(column, number) for number, column in enumerate(columns, start=1)]
    return sql.SQL("hashint8extended({}, {})").format(
        sql.SQL(" # ").join(parts) if parts else sql.SQL("0::int8"), sql.Literal(seed)
    )


def compose_orderable(column: Column) -> sql.Composed:
    """Returns the column's value in an order that is the same on every server."""
    template: LiteralString = "{}" if column.type in ORDERED else '({}::text collate "C")'
    return sql.SQL(template).format(sql.Identifier("t", column.name))


def choose_bounds_type(column: Column) -> LiteralString:
    """Returns the type of bounds between such values."""
    for name in ORDERED:
        if name == column.type:
            return name
    return "text"


def compose_key_text(key: Sequence[Column]) -> sql.Composed:
    """Returns a row's key as one string, a JSON array of its columns' values as text."""
    parts = (sql.SQL("{}::text").format(sql.Identifier("t", column.name)) for column in key)
    return sql.SQL("json_build_array({})::text").format(sql.SQL(", ").join(parts))
