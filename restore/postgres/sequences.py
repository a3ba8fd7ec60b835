"""Sequences, those of identity columns too: where they stand, and moving one on past what another server gave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from restore.postgres.connection import Connection

SEQUENCES = """
select n.nspname::text, c.relname::text, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle,
       has_sequence_privilege(c.oid, 'select, usage'),
       case when has_sequence_privilege(c.oid, 'select, usage') then pg_sequence_last_value(c.oid) end,
       pg_get_userbyid(c.relowner)::text
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
where c.relpersistence <> 't'
order by 1, 2
"""
SET = "select setval(%s::regclass, %s, true)"


@dataclass(frozen=True)
class Sequence:
    """A sequence as the server tells it."""

    increment: int
    """Negative for one that descends."""
    minimum: int
    maximum: int
    cycles: bool
    readable: bool
    """Whether the present user may see its value."""
    last: int | None
    """The last value that it gave out; None for one that gave none, and where it isn't readable."""
    owner: str = ""

    def is_behind(self, last: int) -> bool:
        """Tells whether the other server gave out values that this one will give out again.

        One that cycles has no such order: it is behind anywhere else than in the other's place."""
        if self.last is None or self.cycles:
            return self.last != last
        return (last - self.last) * self.increment > 0

    def allows(self, value: int) -> bool:
        """Tells whether the value is within the sequence's bounds."""
        return self.minimum <= value <= self.maximum


Name = tuple[str, str]
"""Schema and sequence."""


def list_sequences(connection: Connection) -> Mapping[Name, Sequence]:
    """Reads the sequences of the connection's database, temporary ones left out."""
    return {
        (str(schema), str(name)): Sequence(
            int(increment),
            int(low),
            int(high),
            bool(cycles),
            bool(readable),
            None if last is None else int(last),
            owner,
        )
        for schema, name, increment, low, high, cycles, readable, last, owner in connection.execute(
            SEQUENCES
        ).fetchall()
    }


def set_sequence(connection: Connection, name: Name, last: int) -> None:
    """Sets a sequence as if it had just given out this value. Needs UPDATE on it; safe to repeat."""
    connection.execute(SET, [sql.Identifier(*name).as_string(), last])
