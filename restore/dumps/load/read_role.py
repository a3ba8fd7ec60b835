"""The role with which a loaded database is read: functions that the dump brought along run with its rights.

PostgreSQL's planner calls the functions of a table's indexes and statistics with the rights of whoever queries the
table, immutable ones with constant arguments even for EXPLAIN (get_relation_info in its plancat.c); views, casts and
policies call them with those rights when rows are read. So the role has few: it reads, and is a member of the
database's owners that have no rights beyond it, from whom no policy hides their rows. Operator classes are no case of
this: only a superuser creates one (https://www.postgresql.org/docs/current/sql-createopclass.html), and on RDS neither
the operator nor a dump is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager

import psycopg

from restore.dumps.connections import PINNED, LoadSession, build_failure
from restore.dumps.load import owner_rights
from restore.dumps.load.temporary_role import TemporaryRole
from restore.errors import PermanentError, Problem, RestoreError
from restore.postgres.roles import READ_PREFIX
from validation.connect.target import Target

APPLICATION = "pulumi-restore-read"
"""application_name of the operator's session that makes the role and drops it."""
OWNERS = """
select distinct pg_catalog.pg_get_userbyid(owner)::text from (
  select s.refobjid from pg_catalog.pg_shdepend s join pg_catalog.pg_database d on d.oid = s.dbid
  where d.datname = pg_catalog.current_database() and s.deptype = 'o'
    and s.refclassid = 'pg_catalog.pg_authid'::regclass
  union all
  select datdba from pg_catalog.pg_database where datname = pg_catalog.current_database()
) as owners (owner)
where pg_catalog.pg_get_userbyid(owner) <> all (array[current_user, %s]) and not exists (
  select from pg_catalog.pg_roles i where i.rolname = 'rds_iam' and pg_catalog.pg_has_role(owner, i.oid, 'MEMBER'))
"""
"""Not those who log in by IAM: no member of theirs could log in with a password any more (RDS User Guide, "IAM database
authentication")."""
READING = """
select r.rolname::text from pg_catalog.pg_roles r
where r.rolname in ('pg_monitor', 'pg_read_all_data')
  and (pg_catalog.current_setting('server_version_num')::int < 160000
       or pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION'))
"""
"""pg_read_all_data is there from version 14 on; from 16 on CREATEROLE alone doesn't give them to others."""
END_SECONDS = 3.0
"""To end its sessions: less than a gate has for that when the operator stops it."""


class ReadRole(TemporaryRole):
    prefix = READ_PREFIX
    hours = 12
    on_database = "connect"

    def begin(self, stop: threading.Event) -> Target:
        """Drops a role that a killed run has left, whatever rights it has, makes the role and returns its login.

        Raises PermanentError where the former one can't be dropped.
        """
        self.forget(stop)
        if self.exists():
            needed = "the name of the role that reads this database, free"
            fix = f'docs/dumps.md, "What is loaded is not what the dump holds": DROP ROLE "{self.name}"'
            raise PermanentError.of(Problem(f"role {self.name}", "it can't be dropped", needed, fix))
        version = self.session.connection.info.server_version
        return self.renew(self._list_groups(version), version)

    def _list_groups(self, version: int) -> set[str]:
        """Owners in this database without rights beyond it, those that the operator can make a role a member of, and
        PostgreSQL's own roles that read."""
        owners = {str(name) for (name,) in self.session.query(OWNERS, (self.name,))}
        owners -= owner_rights.read_rights(self.session, owners).keys()
        if version >= 160000:
            owners -= {str(name) for (name,) in self.session.query(owner_rights.NOT_ADMIN, (sorted(owners),))}
        return owners | {str(name) for (name,) in self.session.query(READING)}

    def forget(self, stop: threading.Event, seconds: float = 60.0) -> None:
        """Ends its login and its sessions, and drops it, where it is there."""
        if self.exists():
            self.close(stop, seconds)
            self.drop()


@contextmanager
def open_reader(operator: Target, say: Callable[[str], None], stop: threading.Event) -> Generator[Target]:
    """Yields a login that reads the operator's database with few rights, until the end of the `with`.

    Raises PermanentError, TemporaryError where it can't be made. One that can't be dropped is said, and no error: its
    password is forgotten and expires, and the next run drops it.
    """
    with _administer(operator) as role:
        login = role.begin(stop)
    try:
        yield login
    finally:
        try:
            with _administer(operator) as role:
                role.forget(threading.Event(), END_SECONDS)
        except RestoreError as error:
            say(f"role {login.user} is still there, and can log in for {ReadRole.hours} h at most: {error}")


@contextmanager
def _administer(operator: Target) -> Generator[ReadRole]:
    """In a session of the operator's that nothing of the database can lead astray."""
    with closing(LoadSession(operator, PINNED, APPLICATION)) as session:
        try:
            yield ReadRole.of(session)
        except psycopg.Error as error:
            fix = f'ALTER ROLE "{operator.user}" CREATEROLE'
            raise build_failure(error, f"the role that reads {operator}", fix) from error
