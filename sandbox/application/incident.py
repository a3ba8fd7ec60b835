"""Breaks the data at a known second: `python -m sandbox incident`, or as a module of its own.

A bad DELETE (the last hour of transactions) and a bad UPDATE (everybody's email) in one transaction, committed at
least a second after `restore_to`: a restore to that second has no damage, and loses as little as a whole second can.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import IsolationLevel

from sandbox.application.deploy import Application, application_login, silent
from sandbox.machine.layout import Layout

AFTER_SECONDS = 1.05
DELETE = "DELETE FROM transactions WHERE created_at > %s - interval '1 hour'"
UPDATE = "UPDATE users SET email = 'unknown+' || id || '@example.invalid'"
COUNTS = """
SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM transactions),
       (SELECT count(*) FROM smart_contracts), (SELECT count(*) FROM _prisma_migrations)
"""
UNTIL = """
SELECT (SELECT count(*) FROM users WHERE created_at <= %(to)s),
       (SELECT count(*) FROM transactions WHERE created_at <= %(to)s),
       (SELECT max(created_at) FROM transactions WHERE created_at <= %(to)s)
"""
KNOWN = """
SELECT u.id, u.email, count(t.id) FROM users u LEFT JOIN transactions t
    ON t.user_id = u.id AND t.created_at BETWEEN %(to)s - interval '50 minutes' AND %(to)s - interval '5 minutes'
GROUP BY u.id, u.email ORDER BY count(t.id) DESC, u.id LIMIT 1
"""
TABLES = ("users", "transactions", "smart_contracts", "_prisma_migrations")


@dataclass(frozen=True)
class Known:
    """A user who was hit by both statements: `transactions` counts those of the hour that are lost.

    None are left to lose when an incident follows another within minutes.
    """

    id: str
    email: str
    transactions: int


@dataclass(frozen=True)
class Incident:
    """What happened, all times UTC. Rows are counted in the snapshot of the bad transaction, before its statements.

    `rows_until` counts rows with created_at <= restore_to: a row's time is taken in its transaction, so a transaction
    that committed just after that second counts here and is not restored.
    """

    restore_to: str
    at: str
    committed: str
    deleted: int
    updated: int
    known_user: str
    known: Known
    rows_before: dict[str, int]
    rows_until: dict[str, int]
    newest_until: str | None


def run(layout: Layout) -> Incident:
    """Waits for a whole second, then breaks the data a second later. Raises RuntimeError without an application."""
    url = Application(layout, silent).database_url()
    if url is None:
        raise RuntimeError("no application in this sandbox: python -m sandbox up")
    with application_login(url, "bad-migration") as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        target = math.ceil(time.time())
        time.sleep(max(0.0, target + AFTER_SECONDS - time.time()))
        happened = damage(connection, datetime.fromtimestamp(target, UTC))
    write(layout.root / "incident.json", happened)
    return happened


def damage(connection: psycopg.Connection, restore_to: datetime) -> Incident:
    with connection.transaction():
        # Before the snapshot is taken, so that no writer comes between the counts and the damage. Every table that a
        # writer writes, in the writers' order: one that is half done ends first, or each would wait for the other.
        connection.execute("LOCK TABLE users, smart_contracts, transactions IN SHARE ROW EXCLUSIVE MODE")
        counts = connection.execute(COUNTS).fetchall()[0]
        users, transactions, newest = connection.execute(UNTIL, {"to": restore_to}).fetchall()[0]
        known_rows = Known(*connection.execute(KNOWN, {"to": restore_to}).fetchall()[0])
        at = datetime.now(UTC)
        deleted = connection.execute(DELETE, [restore_to]).rowcount
        updated = connection.execute(UPDATE).rowcount
    return Incident(
        restore_to=restore_to.strftime("%Y-%m-%dT%H:%M:%SZ"),
        at=at.isoformat().replace("+00:00", "Z"),
        committed=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        deleted=deleted,
        updated=updated,
        known_user=known_rows.id,
        known=known_rows,
        rows_before=dict(zip(TABLES, counts, strict=True)),
        rows_until={"users": users, "transactions": transactions},
        newest_until=newest.astimezone(UTC).isoformat().replace("+00:00", "Z") if newest else None,
    )


def write(file: Path, happened: Incident) -> None:
    part = file.with_suffix(".part")
    part.write_text(as_json(happened))
    part.replace(file)


def as_json(happened: Incident) -> str:
    return json.dumps(asdict(happened), indent=2)


if __name__ == "__main__":
    print(as_json(run(Layout.at(Path(sys.argv[1]) if len(sys.argv) > 1 else None))))
