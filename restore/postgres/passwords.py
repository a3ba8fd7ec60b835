"""Passwords of roles: set as SCRAM verifiers, tried, and the sessions ended that were opened with former ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from psycopg import sql

from restore.errors import RestoreError
from restore.model.rds import Endpoint
from restore.model.request import Tls
from restore.postgres.connection import Connection, open_connection
from restore.postgres.errors import is_wrong_password

NO_LOGIN = re.compile("not permitted to log in")
"""What the server says after it has accepted the password of a role without LOGIN (postinit.c)."""
END = """
select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
where usename = any(%s) and pid <> pg_backend_pid()
"""
OTHER_LOGINS = """
select rolname::text from pg_roles
where rolcanlogin and rolname <> all(%s) and rolname !~ '^(pg_|rds|restore_)' and rolname <> 'postgres'
order by rolname
"""
"""RDS's own roles are its own; `postgres` is a superuser's name that RDS keeps from everybody."""


def set_password(connection: Connection, role: str, password: str) -> None:
    """Gives a role a password. What is sent is its verifier, made here: no log of the server can hold the password."""
    encrypted = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(encrypted.decode())))


def end_sessions(connection: Connection, roles: Sequence[str]) -> int:
    """Ends every session of these roles but this one, as a password counts only when one begins; returns how many."""
    row = connection.execute(END, [list(roles)]).fetchone()
    return int(row[0]) if row else 0


def list_other_logins(connection: Connection, roles: Sequence[str]) -> tuple[str, ...]:
    """Returns the roles besides these that may log in, by name; RDS's own left out."""
    return tuple(str(row[0]) for row in connection.execute(OTHER_LOGINS, [list(roles)]).fetchall())


def is_password_accepted(login: Mapping[str, str], endpoint: Endpoint, tls: Tls) -> bool:
    """Tells whether the server accepts a login's password. `login`: libpq's parameters.

    A role that may not log in (a fence) has a password all the same. Raises RestoreError when neither is proved.
    """
    try:
        with open_connection(login, endpoint, tls, statement_seconds=10.0):
            return True
    except RestoreError as error:
        if is_wrong_password(error):
            return False
        if error.problem and NO_LOGIN.search(error.problem.found):
            return True
        raise
