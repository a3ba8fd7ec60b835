"""A login that is made for one piece of work in one database, and dropped when that is done.

Whatever functions the database brings along run with the rights of the session that meets them, and a function could
undo a SET ROLE, not a login. The operator's login makes the role and drops it. Its name tells the database, so that the
next run finds what a killed one has left; its password is known to that run only, and expires.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import ClassVar, LiteralString, Self

from psycopg import errors, sql

from restore.dumps.connections import LoadSession, end_sessions
from restore.postgres.roles import READ_PREFIX
from validation.connect.target import Target

LOAD_PREFIX = "restore_load_"
PREFIXES = (LOAD_PREFIX, READ_PREFIX)
NAME = """
select %s || oid::pg_catalog.text from pg_catalog.pg_database where datname = pg_catalog.current_database()
"""
EXISTS = "select true from pg_catalog.pg_roles where rolname = %s"
MEMBERSHIPS = """
select g.rolname::text from pg_catalog.pg_auth_members m join pg_catalog.pg_roles g on g.oid = m.roleid
join pg_catalog.pg_roles r on r.oid = m.member where r.rolname = %s
"""
LEFT_BEHIND = """
select rolname::text from pg_catalog.pg_roles r
where rolname ~ %s and not exists (
  select from pg_catalog.pg_database where oid::pg_catalog.text = pg_catalog.substr(r.rolname, %s))
"""
"""Of databases that are gone, and everything that they owned with them."""
WITH_ALL = sql.SQL(" with inherit true, set true")


def compose_grant(role: sql.Identifier, member: sql.Composable, version: int) -> sql.Composed:
    """Returns the GRANT of a membership that lets the member act as the role, on every version (PostgreSQL, GRANT,
    "GRANT on Roles"); `version` is the server_version_num."""
    return sql.SQL("grant {} to {}").format(role, member) + (WITH_ALL if version >= 160000 else sql.SQL(""))


@dataclass(frozen=True)
class TemporaryRole:
    """`session` is the operator's, in the role's database. Methods raise psycopg.Error."""

    session: LoadSession
    name: str

    prefix: ClassVar[str]
    hours: ClassVar[int]
    """For which it can log in."""
    on_database: ClassVar[LiteralString]
    """Privileges that it has on the database."""

    @classmethod
    def of(cls, session: LoadSession) -> Self:
        """Returns the role of this database, whether it exists or not."""
        return cls(session, str(session.query(NAME, (cls.prefix,))[0][0]))

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)

    def exists(self) -> bool:
        return bool(self.session.query(EXISTS, (self.name,)))

    def renew(self, groups: Iterable[str], version: int) -> Target:
        """Makes the role, or takes the one that is there, and returns its login.

        It gets a new password and exactly the memberships `groups`. `version` is the server_version_num.
        """
        self._forget_others()
        if not self.exists():
            self._do("create role {} nologin", self.identifier)
        self._run(compose_grant(self.identifier, sql.SQL("current_user"), version))
        self._join(set(groups), version)
        database = sql.Identifier(str(self.session.query("select pg_catalog.current_database()")[0][0]))
        self._do("grant {} on database {} to {}", sql.SQL(self.on_database), database, self.identifier)
        return replace(self.session.target, user=self.name, password=self._set_password())

    def _join(self, groups: set[str], version: int) -> None:
        joined_now = {str(name) for (name,) in self.session.query(MEMBERSHIPS, (self.name,))}
        for name in sorted(joined_now - groups):
            self._do("revoke {} from {}", sql.Identifier(name), self.identifier)
        for name in sorted(groups - joined_now):
            self._run(compose_grant(sql.Identifier(name), self.identifier, version))

    def _set_password(self) -> str:
        """The password leaves this process as a SCRAM verifier only: no log of the server can hold it."""
        password = secrets.token_urlsafe(32)
        pgconn = self.session.connection.pgconn
        verifier = pgconn.encrypt_password(password.encode(), self.name.encode(), b"scram-sha-256").decode()
        end = self.session.query(
            "select (pg_catalog.now() + pg_catalog.make_interval(hours => %s))::text", (self.hours,)
        )
        statement = "alter role {} login password {} valid until {}"
        self._do(statement, self.identifier, sql.Literal(verifier), sql.Literal(str(end[0][0])))
        return password

    def _forget_others(self) -> None:
        """Drops the roles of databases that are gone."""
        for prefix in PREFIXES:
            for (name,) in self.session.query(LEFT_BEHIND, (f"^{prefix}[0-9]+$", len(prefix) + 1)):
                with suppress(
                    errors.InsufficientPrivilege, errors.DependentObjectsStillExist, errors.UndefinedObject
                ):  # another operator's, or another load's just now
                    self._do("drop role {}", sql.Identifier(name))

    def close(self, stop: threading.Event, seconds: float = 60.0) -> None:
        """Ends its login and its sessions; what it owns stays. Raises TemporaryError when `seconds` aren't enough."""
        self._do("alter role {} nologin", self.identifier)
        end_sessions(self.session, self.name, stop, seconds=seconds)

    def drop(self) -> None:
        """Drops its grants, its memberships and the role itself. Where somebody else has granted it something it
        stays."""
        self._do("drop owned by {}", self.identifier)
        self._join(set(), 0)
        with suppress(errors.DependentObjectsStillExist), self.session.transaction():
            self._do("drop role {}", self.identifier)

    def _do(self, statement: str, *parts: sql.Composable) -> None:
        self._run(sql.SQL(statement).format(*parts))  # pyright: ignore[reportArgumentType] - constants of these modules

    def _run(self, statement: sql.Composed) -> None:
        self.session.connection.execute(statement)
