"""The session that runs the dump's statements one after the other."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

import psycopg

from restore.dumps import ledger, roles
from restore.dumps.grammar import NAME
from restore.dumps.ledger import Done
from restore.dumps.model import Options
from restore.dumps.preparing import Prepared, authorized
from restore.dumps.sessions import Session, failure
from restore.dumps.splitter import IDENTIFIER, shown
from restore.dumps.statements import Known

BATCH = 50
"""Statements in one transaction: each table it makes costs locks until its end."""
AGAIN = frozenset({"set", "search_path", "session_authorization", "reset_authorization"})
"""They change the session, not the database: a load that goes on runs them again."""

SCHEMA = re.compile(rb"ALTER [A-Z ]+ (?P<schema>%b)\." % IDENTIFIER)
UNLOGGED = re.compile(rb"CREATE UNLOGGED (?P<what>TABLE|SEQUENCE) (?P<name>%b)" % NAME)
"""A crash of the server empties these, and the ledger wouldn't know: they are logged until the load is done."""
SQL_ASCII = re.compile(rb"SET client_encoding = 'SQL_ASCII'\Z")
PUBLIC = frozenset({b"CREATE SCHEMA public", b'CREATE SCHEMA "public"'})
"""Written by pg_dump --clean before PostgreSQL 15; each new database has it."""
EXTENSION_OWNER = """
select pg_catalog.pg_has_role(current_user, extowner, 'USAGE') from pg_catalog.pg_extension where extname = %s
"""


class Control:
    """Runs statements exactly once over all attempts. Raises PermanentError, TemporaryError."""

    def __init__(self, session: Session, done: Done, options: Options, prepared: Prepared) -> None:
        self.session, self._done, self._options, self._prepared = session, done, options, prepared
        self._role: bytes | None = None
        self._group = 0
        """Number of the BEGIN that is open."""
        self.settings: list[bytes] = []
        """SET statements so far, for other sessions."""
        self.skipped: list[str] = []
        self.unlogged: list[bytes] = []
        """What makes tables and sequences unlogged again, to be run with the end of the load."""

    def run_all(self, statements: Sequence[Known]) -> None:
        for start in range(0, len(statements), BATCH):
            self.run(statements[start : start + BATCH])

    def run(self, statements: Iterable[Known]) -> None:
        """In one transaction."""
        statements = list(statements)
        found = [match for item in statements if (match := UNLOGGED.match(item.sql))]
        self.unlogged.extend(b"ALTER %b %b SET UNLOGGED" % (match["what"], match["name"]) for match in found)
        todo = [item for item in statements if item.kind in AGAIN or item.statement.number not in self._done.statements]
        numbers = [item.statement.number for item in todo if item.kind not in AGAIN]
        if not todo:
            return
        with self.session.transaction():
            for item in todo:
                self._one(item)
            self._note(numbers)
        self._done.statements.update(numbers)

    def run_last(self, statements: Iterable[Known]) -> None:
        """Within the transaction that ends the load: there is no ledger any more."""
        for item in statements:
            self._one(item)

    def _note(self, numbers: Sequence[int]) -> None:
        if numbers:
            with self.as_loader():
                ledger.statements_done(self.session, numbers)

    @contextmanager
    def as_loader(self) -> Generator[None]:
        """The ledger is the loading role's, whatever role the dump's statements need."""
        if self._role:
            self.session.run(b"RESET ROLE")
        yield
        if self._role:
            self.session.run(b"SET ROLE " + self._role)

    def _one(self, known: Known) -> None:
        if self._left_out(known):
            self.skipped.append(known.short)
            return
        match known.kind:
            case "session_authorization" | "reset_authorization":
                self._become(known)
            case _:
                sql = roles.renamed(known, self._options.role_map)
                if SQL_ASCII.match(sql):
                    sql = b"SET client_encoding = '%b'" % self.session.unconverted.encode()
                self._execute(known, sql.replace(b" UNLOGGED", b"", 1) if UNLOGGED.match(sql) else sql)

    def _execute(self, known: Known, sql: bytes) -> None:
        try:
            if known.kind == "owner":
                self._give(known, sql)
            else:
                self.session.run(sql)
        except psycopg.Error as error:
            where = f"dump, line {known.statement.line}, byte {known.statement.offset}: {shown(sql)}"
            raise failure(error, where) from error
        if known.kind in ("set", "search_path"):
            self.settings.append(sql)

    def _give(self, known: Known, sql: bytes) -> None:
        """A new owner needs CREATE where the object is; the dump grants it at its end, so it is lent for this."""
        try:
            with self.session.transaction():
                self.session.run(sql)
        except psycopg.errors.InsufficientPrivilege:
            place = self._place(known)
            if place is None:
                raise
            owner = roles.owner(known) or ""
            role = roles.quoted(self._options.role_map.get(owner, owner), known.statement.codec)
            self.session.run(b"GRANT CREATE ON %b TO %b" % (place, role))
            self.session.run(sql)
            self.session.run(b"REVOKE CREATE ON %b FROM %b" % (place, role))

    def _place(self, known: Known) -> bytes | None:
        if known.sql.startswith(b"ALTER SCHEMA "):
            return b"DATABASE " + roles.quoted(self.session.target.dbname, known.statement.codec)
        schema = SCHEMA.match(known.sql)
        return b"SCHEMA " + schema["schema"] if schema else None

    def _become(self, known: Known) -> None:
        """SET ROLE gives the same grantor as SET SESSION AUTHORIZATION, which only superusers may run."""
        role = authorized(known) if known.kind == "session_authorization" else ""
        name = self._options.role_map.get(role, role)
        there = name and name not in self._prepared.missing
        self._role = roles.quoted(name, known.statement.codec) if there else None
        self.session.run(b"SET ROLE " + self._role if self._role else b"RESET ROLE")

    def _left_out(self, known: Known) -> bool:
        if known.kind in self._options.skip:
            return True
        if known.kind == "set":
            return known.part("name").decode() not in self._prepared.settings
        if known.sql in PUBLIC:
            return bool(self.session.query("select pg_catalog.to_regnamespace('public') is not null")[0][0])
        if known.kind == "extension_comment":
            return not self._may_comment(known)
        names = {self._options.role_map.get(span.role, span.role) for span in roles.spans(known)}
        if roles.PUBLIC_OWNER.match(known.sql) and names & self._prepared.powerful:
            return True
        return bool(names & self._prepared.missing)

    def _may_comment(self, known: Known) -> bool:
        """An extension that stood before belongs to another (RDS: plpgsql to rdsadmin), and has its comment."""
        rows = self.session.query(EXTENSION_OWNER, (roles.plain(known.text("name")),))
        return not rows or bool(rows[0][0])

    # A large object's data: one transaction of many statements, as they come

    def group(self, known: Known) -> None:
        """BEGIN, the statements of a large object, COMMIT."""
        if known.kind == "begin":
            self._group = known.statement.number
        if known.kind == "commit" and self._group not in self._done.statements:
            self._note([self._group])
        if self._group not in self._done.statements:
            self._execute(known, known.sql)
        if known.kind == "commit":
            self._group = 0

    @property
    def in_group(self) -> bool:
        return self._group > 0
