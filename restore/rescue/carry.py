"""What was written to the candidate since the switch, brought back into the source that is to serve again.

A row of the source that was written after the recovery point is never overwritten: restore/rescue/apart.py.
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
from restore.rescue.apart import set_apart
from restore.rescue.members import Member, Rescue
from restore.rescue.model import Apart, Done, ForeignKey, Reason, Wish
from restore.rescue.run import bring_back
from restore.rescue.statements import compose_shown_key, names
from validation.expectations.table_names import Table


@dataclass(frozen=True)
class NewRows:
    """Rows of a table that were inserted or changed since the switch; `carried` is false where it has no key."""

    table: Table
    rows: int
    carried: bool


@dataclass(frozen=True)
class Carried:
    """What was written to the source, and what of the candidate was not."""

    done: tuple[Done, ...] = ()
    apart: tuple[Apart, ...] = ()


def compose_written_since(next_transaction: int) -> sql.Composed:
    """Returns a condition for versions of rows at least as new as that transaction (documentation, 9.27: age)."""
    return sql.SQL("age(t.xmin) <= age({}::xid)").format(sql.Literal(str(next_transaction % (1 << 32))))


def count_new(candidate: Connection, next_transaction: int) -> tuple[NewRows, ...]:
    """Counts what was written to the candidate since; tables without such rows are left out."""
    transfer.prepare(candidate)
    with candidate.transaction():
        shapes = transfer.read_shapes(candidate)
        counted = (
            NewRows(table, _count(candidate, shape.relation, next_transaction), bool(shape.key))
            for table, shape in sorted(shapes.items())
        )
        return tuple(new for new in counted if new.rows)


def _count(candidate: Connection, relation: sql.Composable, next_transaction: int) -> int:
    statement = sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(
        relation, compose_written_since(next_transaction)
    )
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
) -> Carried:
    """Brings those rows into the source, in one transaction; a row of both that the source hasn't written since
    the recovery point becomes as the candidate has it. What is set apart stays behind.

    Raises TemporaryError where others hold a lock, PermanentError where the source refuses a row.
    """
    tables = [new.table for new in count_new(candidate, next_transaction) if new.carried]
    if not tables:
        return Carried()
    since = compose_written_since(next_transaction)
    apart: tuple[Apart, ...] = ()

    def collect(rescue: Rescue) -> list[Member]:
        nonlocal apart
        shared = [table for table in tables if rescue.find_pair(table)]
        members = list(_send_members(rescue, shared, since))
        apart = (
            *set_apart(rescue, members, sql.SQL("NOT {}").format(since)),
            *(_list_rows(rescue, table, since) for table in tables if table not in shared),
        )
        return members

    wish = Wish(tables[0], overwrite=True)
    done = bring_back(source, candidate, wish, collect, undo, title, say)
    return Carried(done, (*apart, *_list_refused(done)))


def _list_rows(rescue: Rescue, table: Table, since: sql.Composable) -> Apart:
    """Names the rows of a table that came to the candidate since the switch, as migrations bring them."""
    shape = rescue.there[table]
    statement = sql.SQL("SELECT {} FROM {} AS t WHERE {} ORDER BY {}").format(
        compose_shown_key(shape.key), shape.relation, since, names(shape.key, "t")
    )
    keys = tuple(str(key) for (key,) in rescue.candidate.execute(statement).fetchall())
    return Apart(table, Reason.NO_TABLE, shape.key, keys)


def _list_refused(done: Sequence[Done]) -> Iterator[Apart]:
    for one in done:
        if one.kept_keys:
            yield Apart(one.table, Reason.REFUSED, one.key, tuple(dict.fromkeys(one.kept_keys)))


def _send_members(rescue: Rescue, tables: Sequence[Table], scope: sql.Composable) -> Iterator[Member]:
    for table in order_parents_first(tables, rescue.foreign_keys):
        yield from rescue.send_scope(table, scope)


def order_parents_first(tables: Sequence[Table], foreign_keys: Sequence[ForeignKey]) -> tuple[Table, ...]:
    """Puts tables after those that they refer to; of a circle one reference is left out of account. Pure."""
    known = set(tables)
    parents: dict[Table, set[Table]] = {table: set() for table in tables}
    for foreign_key in foreign_keys:
        if foreign_key.child in known and foreign_key.parent in known - {foreign_key.child}:
            parents[foreign_key.child].add(foreign_key.parent)
    while True:
        try:
            return tuple(TopologicalSorter(parents).static_order())
        except CycleError as error:
            parent, child, *_ = error.args[1]
            parents[child].discard(parent)
