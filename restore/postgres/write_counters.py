"""What the server has counted as written to a database: two moments, hours apart, can be compared by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from restore.errors import TemporaryError
from restore.postgres.connection import Connection

TABLES_KEPT = 1000
"""Tables whose counters are kept one by one, those with the most writes: they only serve to name what was written."""

MOMENT = """
select clock_timestamp(), pg_postmaster_start_time(),
       (select stats_reset from pg_stat_database where datname = current_database())
"""
TABLES = r"""
select schemaname || '.' || relname, n_tup_ins + n_tup_upd + n_tup_del
from pg_stat_user_tables
where schemaname !~ '^pg_temp_' and n_tup_ins + n_tup_upd + n_tup_del > 0
order by 2 desc, 1
"""
"""Temporary tables end with their session and would take their counters along."""


@dataclass(frozen=True)
class WriteCounters:
    """Rows inserted, updated and deleted in the tables of one database since its statistics began."""

    at: datetime
    started: datetime
    """When the server was started; a server that crashed has lost its statistics."""
    reset: datetime | None
    """When the database's statistics were reset last (pg_stat_database.stats_reset)."""
    rows: int
    tables: Mapping[str, int] = field(default_factory=dict[str, int])

    def as_json(self) -> dict[str, Any]:
        """Returns what the evidence keeps."""
        return {
            "at": self.at.isoformat(),
            "started": self.started.isoformat(),
            "reset": self.reset.isoformat() if self.reset else None,
            "rows": self.rows,
            "tables": dict(self.tables),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Reads what `as_json` wrote."""
        return cls(
            at=datetime.fromisoformat(data["at"]),
            started=datetime.fromisoformat(data["started"]),
            reset=datetime.fromisoformat(data["reset"]) if data["reset"] else None,
            rows=int(data["rows"]),
            tables={str(table): int(rows) for table, rows in data["tables"].items()},
        )


@dataclass(frozen=True)
class Written:
    """What was written between two moments: rows, and those of each table that is known; or why nobody can tell."""

    rows: int = 0
    tables: Mapping[str, int] = field(default_factory=dict[str, int])
    unknown: str = ""


def read_counters(connection: Connection) -> WriteCounters:
    """Reads the counters of the connection's database. Raises TemporaryError when the server doesn't tell its start."""
    moment = connection.execute(MOMENT).fetchone()
    if moment is None or moment[1] is None:
        raise TemporaryError("the server doesn't tell when it was started")
    at, started, reset = moment
    tables = [(str(table), int(rows)) for table, rows in connection.execute(TABLES).fetchall()]
    return WriteCounters(
        at=at.astimezone(UTC),
        started=started.astimezone(UTC),
        reset=reset.astimezone(UTC) if reset else None,
        rows=sum(rows for _, rows in tables),
        tables=dict(tables[:TABLES_KEPT]),
    )


def read_next_transaction(connection: Connection) -> int:
    """Reads the number that no transaction has yet (documentation, 9.27.10: xmax of the present snapshot). Raises
    TemporaryError when the server doesn't tell it."""
    row = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
    if row is None:
        raise TemporaryError("the server doesn't tell its next transaction")
    return int(row[0])


def written_since(before: WriteCounters, now: WriteCounters) -> Written:
    """Compares two readings of one database. Pure.

    Statistics that were reset, or lost by a crash (a server that was started again counts from nothing), prove nothing,
    and neither do counters that went back: a table was dropped, or the statistics were.
    """
    if now.reset != before.reset:
        return Written(unknown=f"its statistics were reset at {now.reset}")
    if now.started != before.started and now.rows <= 0:
        return Written(unknown=f"the server was started again at {now.started} and has no statistics of before")
    if now.rows < before.rows:
        return Written(unknown=f"its counters went back from {before.rows} to {now.rows}: a table or they were dropped")
    grown = {table: rows - before.tables.get(table, 0) for table, rows in now.tables.items()}
    by_table = {table: rows for table, rows in grown.items() if rows > 0} if len(before.tables) < TABLES_KEPT else {}
    return Written(now.rows - before.rows, by_table)
