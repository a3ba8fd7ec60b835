"""The roles of a new RDS instance, as SQL of a bootstrapped cluster.

User Guide, "Understanding PostgreSQL roles and permissions": rdsadmin owns everything and is not for customers;
the master user is a member of rds_superuser with CREATEDB and CREATEROLE and no superuser.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

BOOT: tuple[LiteralString, ...] = (
    "CREATE ROLE rds_replication",
    "CREATE ROLE rds_password",
    "CREATE ROLE rds_iam",
    "CREATE ROLE rds_superuser",
    "GRANT pg_monitor, pg_signal_backend, rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION",
)
# Predefined roles by the major version that brought them.
LATER: tuple[tuple[int, LiteralString], ...] = (
    (15, "GRANT pg_checkpoint TO rds_superuser WITH ADMIN OPTION"),
    (16, "GRANT pg_use_reserved_connections, pg_create_subscription TO rds_superuser WITH ADMIN OPTION"),
    (17, "GRANT pg_maintain TO rds_superuser WITH ADMIN OPTION"),
)
DATABASE: LiteralString = "CREATE DATABASE rdsadmin"


def boot(major: int) -> list[str]:
    """Statements for the template cluster, one a line (postgres --single reads lines)."""
    return [*BOOT, *(statement for since, statement in LATER if major >= since), DATABASE]


def master(user: str, database: str | None) -> list[sql.Composed]:
    """Statements that make the master user and its database; the role has no password yet."""
    role = sql.Identifier(user)
    statements = [
        sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE VALID UNTIL 'infinity' IN ROLE rds_superuser").format(role),
        sql.SQL("GRANT rds_iam TO {} WITH ADMIN OPTION").format(role),
        sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(role),
        sql.SQL("ALTER DATABASE template1 OWNER TO {}").format(role),
    ]
    if database and database != "postgres":
        statements.append(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), role))
    return statements


def password(user: str, value: str) -> sql.Composed:
    return sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), sql.Literal(value))
