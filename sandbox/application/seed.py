"""The application's database: its role, schema and about 200,000 rows, loaded by COPY in one transaction."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import LiteralString, cast

import psycopg
from psycopg import sql

from sandbox.application.names import APP_USER, DATABASE

HERE = Path(__file__).resolve().parent
USERS, CONTRACTS, TRANSACTIONS = 20_000, 2_000, 178_000
HISTORY = timedelta(days=30)
RECENT = timedelta(hours=2)
RECENT_TRANSACTIONS = 12_000  # what a DELETE of "the last hour" must find, however fresh the sandbox is
QUIET_SECONDS = 60  # the last minute before the start is the writers' time
MIGRATIONS = (
    "20260110101500_init",
    "20260303142200_add_smart_contracts",
    "20260519084500_transactions_contract_fk",
    "20260822160300_index_transactions_created_at",
    "20261101090000_add_transaction_status",
)
Row = tuple[object, ...]


def prepare_role(admin: psycopg.Connection, password: str) -> None:
    """The application's role with this password, and its database; both may exist already."""
    user, database = sql.Identifier(APP_USER), sql.Identifier(DATABASE)
    hashed = admin.pgconn.encrypt_password(password.encode(), APP_USER.encode(), b"scram-sha-256").decode()
    if admin.execute("SELECT FROM pg_roles WHERE rolname = %s", [APP_USER]).fetchone() is None:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(user))
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(user, sql.Literal(hashed)))
    if admin.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, user))


def seeded(connection: psycopg.Connection) -> bool:
    table = connection.execute("SELECT to_regclass('public._prisma_migrations')").fetchone()
    return table is not None and table[0] is not None


def seed(connection: psycopg.Connection, now: datetime | None = None) -> int:
    """Loads schema, rows and constraints in one transaction, so that a half-seeded database is never seen.

    Returns the number of rows.
    """
    moment = (now or datetime.now(UTC)) - timedelta(seconds=QUIET_SECONDS)
    with connection.transaction():
        run_file(connection, "schema.sql")
        loaded = [copy(connection, table, columns, rows(moment)) for table, columns, rows in TABLES]
        for table in ("smart_contracts", "transactions"):
            # the sequence goes on after the loaded ids
            connection.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT max(id) FROM {}))").format(
                    sql.Literal(table), sql.Identifier(table)
                )
            )
        run_file(connection, "constraints.sql")
    connection.execute("ANALYZE")
    return sum(loaded)


def run_file(connection: psycopg.Connection, name: str) -> None:
    connection.execute(cast("LiteralString", (HERE / name).read_text()))


def copy(connection: psycopg.Connection, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> int:
    command = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor:
        with cursor.copy(command) as target:
            block: list[str] = []
            for row in rows:
                block.append("\t".join("\\N" if value is None else str(value) for value in row))
                if len(block) == 5_000:
                    target.write("\n".join(block) + "\n")
                    block.clear()
            if block:
                target.write("\n".join(block) + "\n")
        return cursor.rowcount


@cache
def user_id(number: int) -> str:
    return str(uuid.UUID(int=(0x5EED << 112) | (0x4 << 76) | (0x8 << 60) | number))


def users(now: datetime) -> Iterator[Row]:
    step = HISTORY / USERS
    for number in range(USERS):
        created = (now - HISTORY + number * step).isoformat()
        yield user_id(number), f"user{number:05d}@ghost.example", created, created


def contracts(now: datetime) -> Iterator[Row]:
    step = HISTORY / CONTRACTS
    for number in range(1, CONTRACTS + 1):
        address = "0x" + hashlib.sha256(str(number).encode()).hexdigest()[:40]
        yield (
            number,
            address,
            f"contract {number}",
            user_id(number * 7 % USERS),
            (now - HISTORY + number * step).isoformat(),
        )


def transactions(now: datetime) -> Iterator[Row]:
    chance = random.Random(20261101)
    old = TRANSACTIONS - RECENT_TRANSACTIONS
    slow, fast = (HISTORY - RECENT) / old, RECENT / RECENT_TRANSACTIONS
    for number in range(1, TRANSACTIONS + 1):
        since = number * slow if number <= old else HISTORY - RECENT + (number - old) * fast
        contract = chance.randrange(1, CONTRACTS + 1) if number % 3 == 0 else None
        amount = f"{chance.randrange(1, 10**9) / 10**6:.6f}"
        yield number, user_id(chance.randrange(USERS)), contract, amount, (now - HISTORY + since).isoformat()


def migrations(now: datetime) -> Iterator[Row]:
    for name in MIGRATIONS:
        applied = datetime.strptime(name.partition("_")[0], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        checksum = hashlib.sha256(name.encode()).hexdigest()
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        finished = min(applied + timedelta(seconds=1), now).isoformat()
        yield identifier, checksum, finished, name, min(applied, now).isoformat(), 1


TABLES: tuple[tuple[str, tuple[str, ...], Callable[[datetime], Iterator[Row]]], ...] = (
    ("users", ("id", "email", "created_at", "updated_at"), users),
    ("smart_contracts", ("id", "address", "name", "owner_id", "created_at"), contracts),
    ("transactions", ("id", "user_id", "contract_id", "amount", "created_at"), transactions),
    (
        "_prisma_migrations",
        ("id", "checksum", "finished_at", "migration_name", "started_at", "applied_steps_count"),
        migrations,
    ),
)
