"""Which row versions of the source are as old as the recovery point, and which were written after it.

A snapshot, and a point in time, is a physical copy: up to the recovery point the candidate has the source's
transactions, under their own numbers. A row version that both databases have proves how far that reaches at least; of
transactions up to there the candidate knows which had been committed by then (documentation, 9.27.9: pg_xact_status).
A database that was made from a dump has no number in common with its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from restore.postgres import read_next_transaction
from restore.postgres.connection import Connection
from restore.rescue import statements, transfer
from restore.rescue.members import Rescue
from restore.rescue.statements import Part

HALF = 1 << 31
WITNESSES = 1000
"""Row versions of each table that are compared: the newest that the candidate has from before the switch."""


@dataclass(frozen=True)
class History:
    """The transactions that both databases have: up to `newest`, but for those of `unfinished`, which were still
    running at the recovery point."""

    newest: int
    unfinished: tuple[str, ...] = ()

    def is_later(self) -> sql.Composed:
        """Returns a condition for versions of `s` that were written after the recovery point."""
        return sql.SQL("(age(s.xmin) < age({}::xid) OR s.xmin::text = ANY({}))").format(
            sql.Literal(str(self.newest)), sql.Literal(list(self.unfinished))
        )


def is_newer(transaction: int, other: int) -> bool:
    """Compares transaction numbers as PostgreSQL does, modulo 2^32 (documentation, 24.1.5). Pure."""
    return 0 < (transaction - other) % (1 << 32) < HALF


def choose_newest(transactions: Iterable[int]) -> int | None:
    """Returns the newest of transactions within one half of the circle; None of none. Pure."""
    newest: int | None = None
    for transaction in transactions:
        if newest is None or is_newer(transaction, newest):
            newest = transaction
    return newest


def add_epoch(transaction: int, following: int) -> int:
    """Returns the 64-bit number of a 32-bit one in the past; `following` is the next that a server gives out. Pure."""
    return following - (following - transaction) % (1 << 32)


def find_history(rescue: Rescue, parts: Sequence[Part], scope: sql.Composable) -> History | None:
    """Finds what both databases have in common; None where nothing proves it.

    Args:
        parts: of tables that both have.
        scope: a condition for rows of the candidate that it had at the recovery point.
    """
    system = _read_system(rescue.source)
    if system is None or system != _read_system(rescue.candidate):
        return None
    common = (transaction for part in parts for transaction in _find_common(rescue, part, scope))
    newest = choose_newest(common)
    return None if newest is None else History(newest)


def _read_system(connection: Connection) -> int | None:
    """A physical copy keeps it (documentation, 9.28.11). None where it may not be read."""
    try:
        with connection.transaction():
            row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return int(row[0]) if row else None


def _find_common(rescue: Rescue, part: Part, scope: sql.Composable) -> list[int]:
    """The transactions of row versions that the candidate has from before and the source has too."""
    name = f"rescue_{part.number}_witness"
    relation, key = rescue.there[part.table].relation, statements.names(part.key)
    made = "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT ''::text AS rescue_xmin, {} FROM {} WITH NO DATA"
    rescue.source.execute(sql.SQL(made).format(sql.Identifier(name), key, part.table.identifier))
    newest = sql.SQL(
        "COPY (SELECT t.xmin::text, {} FROM {} AS t WHERE {} AND t.xmin::text::bigint > 2 "
        "ORDER BY age(t.xmin) LIMIT {}) TO STDOUT"
    ).format(statements.names(part.key, "t"), relation, scope, sql.Literal(WITNESSES))
    here = sql.Identifier("pg_temp", name)
    transfer.copy(rescue.candidate, newest, rescue.source, sql.SQL("COPY {} FROM STDIN").format(here))
    both = sql.SQL("SELECT DISTINCT w.rescue_xmin FROM {} AS w JOIN {} AS s ON {} AND s.xmin::text = w.rescue_xmin")
    statement = both.format(here, part.facts.relation, part.compose_same_key("s", "w"))
    return [int(transaction) for (transaction,) in rescue.source.execute(statement).fetchall()]


def add_unfinished(rescue: Rescue, history: History, part: Part) -> History:
    """Adds the transactions that wrote rows of the source, are numbered within the history and were not committed at
    the recovery point. The part's rows were sent."""
    within = sql.SQL("SELECT DISTINCT s.xmin::text FROM {} AS s JOIN {} AS t ON {} WHERE {} AND NOT {}").format(
        part.facts.relation,
        part.sent,
        part.compose_same_key("s", "t"),
        statements.compose_differing(part),
        history.is_later(),
    )
    following = read_next_transaction(rescue.candidate)
    numbers = {
        add_epoch(int(transaction), following): str(transaction)
        for (transaction,) in rescue.source.execute(within).fetchall()
    }
    asked = "SELECT x FROM unnest(%s::bigint[]) AS x WHERE pg_xact_status(x::text::xid8) <> 'committed'"
    later = rescue.candidate.execute(asked, [[number for number in numbers if number > 2]]).fetchall()
    return History(history.newest, tuple(numbers[number] for (number,) in later))
