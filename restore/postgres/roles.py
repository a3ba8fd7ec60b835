"""Roles and the database that a dump presumes, made as the operator on an instance that is still empty.

Everything is found again before it is made, so that a run that was killed goes on. A password leaves this process as a
SCRAM verifier only: no log of the server can hold it.
"""

from __future__ import annotations

from psycopg import sql

from restore.model.rds import Credential
from restore.postgres.connection import Connection

READ_PREFIX = "restore_read_"
"""What the names of the roles that read a loaded dump begin with; the database's oid follows."""
IAM_ROLE = "rds_iam"
"""RDS User Guide, "Creating a database account using IAM authentication"."""
ROLE_EXISTS = "select from pg_catalog.pg_roles where rolname = %s"
DATABASE_EXISTS = "select from pg_catalog.pg_database where datname = %s"


def ensure(connection: Connection, name: str) -> None:
    """Makes sure of a role of this name that the operator may act for, as whoever gives it objects must (PostgreSQL,
    ALTER TABLE, "OWNER TO")."""
    role = sql.Identifier(name)
    if connection.execute(ROLE_EXISTS, [name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))


def ensure_login(connection: Connection, login: Credential) -> None:
    """Makes sure of a role that can log in with this password."""
    ensure(connection, login.user)
    encrypted = connection.pgconn.encrypt_password(login.password.encode(), login.user.encode(), b"scram-sha-256")
    role, verifier = sql.Identifier(login.user), sql.Literal(encrypted.decode())
    connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, verifier))


def ensure_database(connection: Connection, name: str, owner: str) -> None:
    """Makes sure of the database, with this owner when it is made now."""
    if connection.execute(DATABASE_EXISTS, [name]).fetchone() is None:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))


def let_in_by_iam(connection: Connection) -> None:
    """Lets the present user log in by IAM tokens from now on, and no longer by password (RDS User Guide, "IAM database
    authentication": for a member of rds_iam it takes precedence)."""
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(IAM_ROLE)))
