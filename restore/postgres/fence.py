"""A fence around a database that was left: its applications' role can't log in there, and its sessions are ended.

The mark stands in the role's comment and is written in the same transaction as NOLOGIN: whoever is killed, what is
fenced says so itself, also in a copy of the database. Nobody else's access changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from psycopg import sql

from restore.errors import PermanentError, Problem
from restore.postgres.connection import Connection

MARK = re.compile(r"\[fenced by restore (?P<id>[a-z0-9-]+)\] ?", re.ASCII)
ROLE = "select rolcanlogin, coalesce(shobj_description(oid, 'pg_authid'), '') from pg_roles where rolname = %s"
END = "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity where usename = %s"


@dataclass(frozen=True)
class Fence:
    """What a role's login and comment say. `restore_id`: of the restore that fenced it; empty without a mark."""

    can_login: bool
    restore_id: str
    comment: str
    """Without the mark."""

    @property
    def up(self) -> bool:
        return bool(self.restore_id) and not self.can_login


def read_fence(connection: Connection, role: str) -> Fence:
    """Reads whether the role is fenced. Raises PermanentError when there is no such role."""
    row = connection.execute(ROLE, [role]).fetchone()
    if row is None:
        fix = "python -m restore status"
        raise PermanentError.of(Problem(f"role {role}", "doesn't exist", "the applications' role", fix))
    can_login, comment = bool(row[0]), str(row[1])
    mark = MARK.match(comment)
    return Fence(can_login, mark["id"] if mark else "", MARK.sub("", comment, count=1))


def put_up(connection: Connection, role: str, restore_id: str) -> int:
    """Takes the role's login away and ends its sessions; returns how many. Safe to repeat.

    A role that couldn't log in before, and wasn't fenced, gets no mark: nothing will give it a login again.
    """
    fence = read_fence(connection, role)
    if fence.can_login:
        with connection.transaction():
            connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
            comment_on(connection, role, f"[fenced by restore {restore_id}] {fence.comment}")
    row = connection.execute(END, [role]).fetchone()
    return int(row[0]) if row else 0


def lift(connection: Connection, role: str) -> bool:
    """Gives a fenced role its login and its comment back; returns whether it was fenced. Safe to repeat."""
    fence = read_fence(connection, role)
    if not fence.restore_id:
        return False
    with connection.transaction():
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(role)))
        comment_on(connection, role, fence.comment)
    return True


def comment_on(connection: Connection, role: str, comment: str) -> None:
    """Sets a role's comment; an empty one removes it."""
    value = sql.Literal(comment or None)
    connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(role), value))
