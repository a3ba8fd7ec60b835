"""The application's role on a database that a drill has restored: it only reads there."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from restore.postgres.connection import Connection

SETTING = "default_transaction_read_only"


def forbid_writes(connection: Connection, user: str, database: str) -> None:
    """Has every new session of the role begin read-only transactions (PostgreSQL, "ALTER ROLE": who has CREATEROLE and
    the ADMIN option on the role may). A session can undo it for itself: it keeps out what writes by itself, not who
    wants to."""
    connection.execute(_compose_alter(user, database, "SET {setting} = on"))


def allow_writes(connection: Connection, user: str, database: str) -> None:
    connection.execute(_compose_alter(user, database, "RESET {setting}"))


def _compose_alter(user: str, database: str, what: LiteralString) -> sql.Composed:
    return sql.SQL("ALTER ROLE {user} IN DATABASE {database} " + what).format(
        user=sql.Identifier(user), database=sql.Identifier(database), setting=sql.SQL(SETTING)
    )
