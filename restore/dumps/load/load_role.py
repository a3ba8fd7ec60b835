"""The role that a dump is loaded with: whatever functions the dump brings along run with its rights, and it has few.

It logs in by itself: a function could undo a SET ROLE, not a login. The operator's login makes it, gives it the right
to create in this database and the membership of the dump's owners, and drops it at the load's end. Its name tells the
database, so that a load that goes on finds it again; what a killed load left of it expires.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from psycopg import errors, sql

from restore.dumps.connections import LoadSession, end_sessions
from restore.dumps.model import PRIVILEGED_OWNER
from restore.errors import PermanentError, Problem
from validation.connect.target import Target

PREFIX = "restore_load_"
HOURS = 48
"""For which it can log in; a load that goes on begins again."""
BATCH = 50
"""Tables that change hands in one transaction: each costs locks until its end."""
NAME = """
select %s || oid::pg_catalog.text from pg_catalog.pg_database where datname = pg_catalog.current_database()
"""
MAY_CREATE = "select rolcreaterole or rolsuper from pg_catalog.pg_roles where rolname = current_user"
ATTRIBUTES = """
select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
from pg_catalog.pg_roles where rolname = %s
"""
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
PUBLIC = """
select pg_catalog.pg_get_userbyid(nspowner)::text, pg_catalog.pg_has_role(current_user, nspowner, 'USAGE')
from pg_catalog.pg_namespace where nspname = 'public'
"""
DATABASE_OWNERS = 140000
"""server_version_num of the first with the role pg_database_owner."""
SCHEMAS = """
select nspname::text from pg_catalog.pg_namespace
where pg_catalog.pg_get_userbyid(nspowner) = %s and nspname <> 'public' order by 1
"""
TABLES = """
select n.nspname::text, c.relname::text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and pg_catalog.pg_get_userbyid(c.relowner) = %s order by 1
"""
LEFT = """
select pg_catalog.pg_describe_object(s.classid, s.objid, s.objsubid)
from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
where d.datname = pg_catalog.current_database() and s.deptype = 'o'
  and s.refclassid = 'pg_catalog.pg_authid'::regclass and pg_catalog.pg_get_userbyid(s.refobjid) = %s
limit 5
"""
ACCESS = """
with arguments as (select %(extension)s::text as extension, %(role)s::text as role), members as (
  select d.classid, d.objid from pg_catalog.pg_depend d
  join pg_catalog.pg_extension e on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
  where d.deptype = 'e' and e.extname = (select extension from arguments)
)
select format('grant usage on schema %%I to %%I', nspname, role) from pg_catalog.pg_namespace n, arguments
where ('pg_catalog.pg_namespace'::regclass, n.oid) in (select classid, objid from members)
  and pg_catalog.pg_has_role(current_user, nspowner, 'USAGE')
union all
select format('grant usage on foreign data wrapper %%I to %%I', fdwname, role)
from pg_catalog.pg_foreign_data_wrapper w, arguments
where ('pg_catalog.pg_foreign_data_wrapper'::regclass, w.oid) in (select classid, objid from members)
  and pg_catalog.pg_has_role(current_user, fdwowner, 'USAGE') and %(foreign)s
union all
select format('grant select, %%s on %%I.%%I to %%I', case relkind when 'S' then 'update' else 'insert' end,
              nspname, relname, role)
from pg_catalog.pg_extension e, arguments,
  pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where e.extname = extension and c.oid = any (e.extconfig)
  and pg_catalog.has_table_privilege(c.oid, case relkind when 'S' then 'update' else 'insert' end
                                            || ' with grant option')
"""
"""What an extension keeps for its owner and a dump needs: its schemas, and the rows and sequences that are dumped."""
WITH_ALL = sql.SQL(" with inherit true, set true")


def joined(role: sql.Identifier, member: sql.Composable, version: int) -> sql.Composed:
    """GRANT of a membership that lets the member act as the role, on every version."""
    return sql.SQL("grant {} to {}").format(role, member) + (WITH_ALL if version >= 160000 else sql.SQL(""))


@dataclass(frozen=True)
class LoadRole:
    """`session` is the operator's, in the database that is loaded. Methods raise psycopg.Error."""

    session: LoadSession
    name: str

    @classmethod
    def of(cls, session: LoadSession) -> LoadRole:
        return cls(session, str(session.query(NAME, (PREFIX,))[0][0]))

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.name)

    def problems(self) -> list[Problem]:
        """Why it can't be made, or isn't what it must be."""
        user = self.session.target.user
        if not self.session.query(MAY_CREATE)[0][0]:
            found, needed = "it has no CREATEROLE", "the right to make the role that the dump is loaded with"
            fix = (
                f'ALTER ROLE "{user}" CREATEROLE; or --login own for a dump you trust: its functions then run with all'
                f" rights of {user}"
            )
            return [Problem(f"role {user}", found, needed, fix)]
        if any(powerful for (powerful,) in self.session.query(ATTRIBUTES, (self.name,))):
            needed = "a role without rights beyond this database"
            return [Problem(f"role {self.name}", "it has some", needed, f'DROP ROLE "{self.name}"')]
        return []

    def renewed(self, owners: Iterable[str], version: int) -> Target:
        """The role with a new password, exactly these memberships, and its login."""
        self._forget_others()
        if not self.session.query(ATTRIBUTES, (self.name,)):
            self._do("create role {} nologin", self.identifier)
        self._run(joined(self.identifier, sql.SQL("current_user"), version))
        self._join(set(owners), version)
        self._do("grant connect, create, temporary on database {} to {}", self._database, self.identifier)
        return replace(self.session.target, user=self.name, password=self._with_password())

    def _join(self, owners: set[str], version: int) -> None:
        found = {str(name) for (name,) in self.session.query(MEMBERSHIPS, (self.name,))}
        for name in sorted(found - owners):
            self._do("revoke {} from {}", sql.Identifier(name), self.identifier)
        for name in sorted(owners - found):
            self._run(joined(sql.Identifier(name), self.identifier, version))

    def _with_password(self) -> str:
        """The password leaves this process as a SCRAM verifier only: no log of the server can hold it."""
        password = secrets.token_urlsafe(32)
        pgconn = self.session.connection.pgconn
        verifier = pgconn.encrypt_password(password.encode(), self.name.encode(), b"scram-sha-256").decode()
        end = self.session.query("select (pg_catalog.now() + pg_catalog.make_interval(hours => %s))::text", (HOURS,))
        statement = "alter role {} login password {} valid until {}"
        self._do(statement, self.identifier, sql.Literal(verifier), sql.Literal(str(end[0][0])))
        return password

    def _forget_others(self) -> None:
        for (name,) in self.session.query(LEFT_BEHIND, (f"^{PREFIX}[0-9]+$", len(PREFIX) + 1)):
            try:
                self._do("drop role {}", sql.Identifier(name))
            except (errors.InsufficientPrivilege, errors.DependentObjectsStillExist, errors.UndefinedObject):
                continue  # another operator's, or another load's just now

    def public_owner(self) -> str:
        """Who owns the schema `public`; "" where there is none."""
        return "".join(str(name) for name, _ in self.session.query(PUBLIC))

    def take_public(self, owner: str) -> None:
        """The schema `public` from that owner, where the operator can give it: the dump has things in it for others.

        The database's owner keeps its rights in it. What the dump has given away in an earlier attempt stays so.
        """
        for name, able in self.session.query(PUBLIC):
            if able and name == owner:
                with self.session.transaction():
                    self._do("alter schema public owner to {}", self.identifier)
                    if self._has_database_owner:
                        self._do("grant all on schema public to pg_database_owner")

    def give_public_back(self, owner: str) -> None:
        """Unless the dump has given it away."""
        if self.public_owner() == self.name:
            self._do("alter schema public owner to {}", sql.Identifier(owner))

    @property
    def public_to_itself(self) -> bytes:
        """Takes back from the database's owner what was granted when it lost the schema `public`."""
        return b"REVOKE ALL ON SCHEMA public FROM pg_database_owner" if self._has_database_owner else b""

    @property
    def _has_database_owner(self) -> bool:
        return self.session.connection.info.server_version >= DATABASE_OWNERS

    def admit(self, extension: str, *, foreign: bool) -> None:
        """Opens to it what of an extension belongs to the operator, and its dumped rows need."""
        arguments = {"extension": extension, "role": self.name, "foreign": foreign}
        for (statement,) in self.session.query(ACCESS, arguments):
            self.session.run(str(statement).encode())

    def close(self, stop: threading.Event) -> None:
        """No session of it any more, and no login: what it owns stays until a load goes on."""
        self._do("alter role {} nologin", self.identifier)
        end_sessions(self.session, self.name, stop)

    def hand_over(self, heir: str | None) -> None:
        """Its schemas and tables, in small transactions; an earlier attempt may have begun.

        Raises PermanentError where it has something and nobody may come to own it.
        """
        if heir is None:
            self._refuse_what_is_left()
            return
        for (schema,) in self.session.query(SCHEMAS, (self.name,)):
            self._do("alter schema {} owner to {}", sql.Identifier(schema), sql.Identifier(heir))
        tables = self.session.query(TABLES, (self.name,))
        for start in range(0, len(tables), BATCH):
            with self.session.transaction():
                for schema, table in tables[start : start + BATCH]:
                    self._do("alter table {} owner to {}", sql.Identifier(schema, table), sql.Identifier(heir))

    def _refuse_what_is_left(self) -> None:
        left = [str(what) for (what,) in self.session.query(LEFT, (self.name,))]
        if left:
            database, user = self.session.target.dbname, self.session.target.user
            found = f"the dump names no owner of {', '.join(left)}"
            needed = "an owner without rights beyond this database: functions run with its rights"
            fix = (
                f'ALTER DATABASE "{database}" OWNER TO <a role that has none>, and start again: it goes on; or, to give'
                f" it to {user}, of a dump you trust: --allow {PRIVILEGED_OWNER}"
            )
            raise PermanentError.of(Problem(f"database {database}", found, needed, fix))

    def drop(self, heir: str | None) -> None:
        """Whatever else it owns goes to the heir; its grants, its memberships and it itself go.

        Where somebody else has granted it something it stays, without login.
        """
        if heir is not None:
            self._do("reassign owned by {} to {}", self.identifier, sql.Identifier(heir))
        self._do("drop owned by {}", self.identifier)
        self._join(set(), 0)
        with suppress(errors.DependentObjectsStillExist), self.session.transaction():
            self._do("drop role {}", self.identifier)

    @property
    def _database(self) -> sql.Identifier:
        return sql.Identifier(str(self.session.query("select pg_catalog.current_database()")[0][0]))

    def _do(self, statement: str, *parts: sql.Composable) -> None:
        self._run(sql.SQL(statement).format(*parts))  # pyright: ignore[reportArgumentType] - constants of this module

    def _run(self, statement: sql.Composed) -> None:
        self.session.connection.execute(statement)
