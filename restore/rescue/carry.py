"""What was written to the candidate since the switch, brought back into the source that is to serve again.

A row's xmin is the transaction that wrote its present version; transactions that began after the switch have numbers
from the one that gate `switched` recorded on. What was deleted since leaves no such trace: it stays in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from psycopg import sql

from restore.postgres.connection import Connection
from restore.rescue import transfer
from restore.rescue.members import Member, Rescue
from restore.rescue.model import Done, ForeignKey, Wish
from restore.rescue.run import bring_back
from validation.expectations.table_names import Table


@dataclass(frozen=True)
class NewRows:
    """Rows of a table that were inserted or changed since the switch; `carried` is false where it has no key."""

    table: Table
    rows: int
    carried: bool


def written_since(next_transaction: int) -> sql.Composed:
    """Returns a condition for versions of rows at least as new as that transaction (documentation, 9.27: age)."""
    return sql.SQL("age(t.xmin) <= age({}::xid)").format(sql.Literal(str(next_transaction % (1 << 32))))


def count_new(candidate: Connection, next_transaction: int) -> tuple[NewRows, ...]:
    """Counts what was written to the candidate since; tables without such rows are left out."""
    with candidate.transaction():
        transfer.prepare(candidate)
        shapes = transfer.read_shapes(candidate)
        counted = (
            NewRows(table, _count(candidate, shape.relation, next_transaction), bool(shape.key))
            for table, shape in sorted(shapes.items())
        )
        return tuple(new for new in counted if new.rows)


def _count(candidate: Connection, relation: sql.Composable, next_transaction: int) -> int:
    statement = sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(relation, written_since(next_transaction))
    row = candidate.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def carry(
    source: Connection,
    candidate: Connection,
    next_transaction: int,
    undo: Path,
    title: str,
    say: Callable[[str], object],
) -> tuple[Done, ...]:
    """Brings those rows into the source, all or nothing; a row of both becomes as the candidate has it.

    Raises TemporaryError where others hold a lock, PermanentError where the source refuses a row.
    """
    tables = [new.table for new in count_new(candidate, next_transaction) if new.carried]
    if not tables:
        return ()

    def collect(rescue: Rescue) -> list[Member]:
        return list(_members(rescue, tables, written_since(next_transaction)))

    wish = Wish(tables[0], overwrite=True)
    return bring_back(source, candidate, wish, collect, undo, title, say)


def _members(rescue: Rescue, tables: Sequence[Table], scope: sql.Composable) -> Iterator[Member]:
    for table in parents_first(tables, rescue.foreign_keys):
        yield from rescue.send_scope(table, scope)


def parents_first(tables: Sequence[Table], foreign_keys: Sequence[ForeignKey]) -> tuple[Table, ...]:
    """Puts tables after those that they refer to; where they do so in a circle, all keep their order. Pure."""
    known = set(tables)
    parents: dict[Table, set[Table]] = {table: set() for table in tables}
    for foreign_key in foreign_keys:
        if foreign_key.child in known and foreign_key.parent in known - {foreign_key.child}:
            parents[foreign_key.child].add(foreign_key.parent)
    try:
        return tuple(TopologicalSorter(parents).static_order())
    except CycleError:
        return tuple(tables)
