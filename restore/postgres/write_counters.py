"""What the server has counted as written to a database: two moments, hours apart, can be compared by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

from restore.errors import TemporaryError
from restore.postgres.connection import Connection

TABLES_KEPT = 1000
"""Tables whose counters are kept one by one, those with the most writes: they only serve to name what was written. Of
as many, the largest, the files are kept: what is truncated beyond them isn't seen."""

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
FILES = r"""
select n.nspname || '.' || c.relname, c.relfilenode::int8
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by c.relpages desc, c.oid
"""
"""TRUNCATE, which no counter counts, gives a table another file (documentation, "Database File Layout"), and so does
what writes it anew: VACUUM FULL, CLUSTER, some ALTER TABLE. Materialized views are left out: REFRESH is no change of
data."""


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
    files: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of the file of each table, the largest first; of an earlier reading of the largest alone."""

    def as_json(self) -> dict[str, Any]:
        """Returns what the evidence keeps."""
        return {
            "at": self.at.isoformat(),
            "started": self.started.isoformat(),
            "reset": self.reset.isoformat() if self.reset else None,
            "rows": self.rows,
            "tables": dict(self.tables),
            "files": dict(islice(self.files.items(), TABLES_KEPT)),
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
            files={str(table): int(file) for table, file in data.get("files", {}).items()},
        )


@dataclass(frozen=True)
class Written:
    """What was written between two moments: rows, and those of each table that is known; or why nobody can tell."""

    rows: int = 0
    tables: Mapping[str, int] = field(default_factory=dict[str, int])
    unknown: str = ""
    rewritten: tuple[str, ...] = ()
    """Tables that have another file: truncated, or written anew."""
    dropped: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        return bool(self.rows or self.unknown or self.rewritten or self.dropped)


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
        files={str(table): int(file) for table, file in connection.execute(FILES).fetchall()},
    )


def read_next_transaction(connection: Connection) -> int:
    """Reads the number that no transaction has yet (documentation, 9.27.10: xmax of the present snapshot). Raises
    TemporaryError when the server doesn't tell it."""
    row = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text").fetchone()
    if row is None:
        raise TemporaryError("the server doesn't tell its next transaction")
    return int(row[0])


def compare_counters(before: WriteCounters, now: WriteCounters) -> Written:
    """Compares two readings of one database. Pure.

    Statistics that were reset, or lost by a crash (a server that was started again counts from nothing), prove nothing,
    and neither do counters that went back: a table was dropped, or the statistics were. A table that has another file
    was truncated or written anew, whatever was counted; one that is new had its rows counted.
    """
    kept = {table: now.files.get(table) for table in before.files}
    written = Written(
        rewritten=tuple(table for table, file in kept.items() if file not in (None, before.files[table])),
        dropped=tuple(table for table, file in kept.items() if file is None),
    )
    if now.reset != before.reset:
        return replace(written, unknown=f"its statistics were reset at {now.reset}")
    if now.started != before.started and now.rows <= 0:
        unknown = f"the server was started again at {now.started} and has no statistics of before"
        return replace(written, unknown=unknown)
    if now.rows < before.rows:
        unknown = f"its counters went back from {before.rows} to {now.rows}: a table or they were dropped"
        return replace(written, unknown=unknown)
    grown = {table: rows - before.tables.get(table, 0) for table, rows in now.tables.items()}
    by_table = {table: rows for table, rows in grown.items() if rows > 0} if len(before.tables) < TABLES_KEPT else {}
    return replace(written, rows=now.rows - before.rows, tables=by_table)
