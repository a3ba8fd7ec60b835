"""Runs the dump's statements one after the other, with the load's own role wherever a function of the dump could run.

The operator's session has what only the operator may: extensions, which come before any function of the dump, and
grants. No such statement calls anything of the dump's.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby

import psycopg

from restore.dumps.check.needs import read_authorized_role
from restore.dumps.connections import LoadSession, NotGrantedError, build_failure
from restore.dumps.load import ledger, persistence
from restore.dumps.load.ledger import Done
from restore.dumps.load.not_loaded import NotLoadedList
from restore.dumps.load.persistence import Persistence
from restore.dumps.load.target_checks import Prepared
from restore.dumps.model import Options
from restore.dumps.sql import encodings, role_names
from restore.dumps.sql.allow_list import ClassifiedStatement
from restore.dumps.sql.grammar import ROLE
from restore.dumps.sql.splitter import IDENTIFIER, shorten
from restore.errors import PermanentError

BATCH = 50
"""Statements in one transaction: each table it makes costs locks until its end."""
AGAIN = frozenset({"set", "search_path", "session_authorization", "reset_authorization"})
"""They change the session, not the database: a load that goes on runs them again."""

OPERATORS = frozenset({"acl", "extension", "extension_comment"})
PUBLICATIONS = re.compile(
    rb"(?:CREATE PUBLICATION %b FOR ALL TABLES(?: WITH \([a-z_]+ = '[a-z, ]*'(?:, [a-z_]+ = [a-z]+)?\))?"
    rb"|ALTER PUBLICATION %b OWNER TO %b)\Z" % (IDENTIFIER, IDENTIFIER, ROLE)
)
"""Those of all tables are a superuser's, on RDS rds_superuser's."""
SCHEMA = re.compile(rb"ALTER [A-Z ]+ (?P<schema>%b)\." % IDENTIFIER)
SQL_ASCII = re.compile(rb"SET client_encoding = 'SQL_ASCII'\Z")
PUBLIC = frozenset({b"CREATE SCHEMA public", b'CREATE SCHEMA "public"'})
"""Written by pg_dump --clean before PostgreSQL 15; each new database has it."""
PUBLIC_TO_ALL = b"GRANT ALL ON SCHEMA public TO PUBLIC"
OWNED_PUBLIC = 150000
"""server_version_num of the first whose new databases don't give that by themselves (Release notes of 15, "Remove
PUBLIC creation permission on the public schema")."""
EXTENSION_OWNER = """
select pg_catalog.pg_has_role(current_user, extowner, 'USAGE') from pg_catalog.pg_extension where extname = %s
"""


def _is_vital(classified: ClassifiedStatement) -> bool:
    """Whether everything behind it would mean something else without it."""
    authorization = classified.kind in ("session_authorization", "reset_authorization", "search_path")
    return authorization or (classified.kind == "set" and classified.get_part("name") == b"client_encoding")


class Control:
    """Runs statements exactly once over all attempts. Raises PermanentError, TemporaryError."""

    def __init__(
        self,
        session: LoadSession,
        operator: LoadSession,
        done: Done,
        options: Options,
        prepared: Prepared,
        lost: NotLoadedList,
    ) -> None:
        """Both sessions are the same where the dump is loaded with the operator's own login. `lost` takes what the
        server refuses, where the load goes on without it."""
        self.session, self.operator = session, operator
        self.lost = lost
        self._done, self._options, self._prepared = done, options, prepared
        self._role: bytes | None = None
        self._encoding = b""
        """The dump's, for what the operator's session runs of it."""
        self._group = 0
        """Number of the BEGIN that is open."""
        self._group_is_lost = False
        self.settings: list[bytes] = []
        """SET statements so far, for other sessions."""
        self.skipped: list[str] = []
        self._persistence = Persistence()

    def run_all(self, statements: Sequence[ClassifiedStatement]) -> None:
        """Runs any number of statements, at most BATCH of them in one transaction."""
        for start in range(0, len(statements), BATCH):
            self.run(statements[start : start + BATCH])

    def run(self, statements: Iterable[ClassifiedStatement]) -> None:
        """Runs the statements, those that follow each other with the same login in one transaction; what an earlier
        attempt ran is not run again."""
        statements = list(statements)
        self._persistence.see(statements)
        todo = [item for item in statements if item.kind in AGAIN or item.statement.number not in self._done.statements]
        for operators, items in groupby(todo, self._is_operators):
            self._run_one_by_one_where_refused(list(items), operators=operators)

    def _run_one_by_one_where_refused(self, items: Sequence[ClassifiedStatement], *, operators: bool) -> None:
        """One transaction for all; each for itself once the server has refused one of them."""
        before = self._copy_state()
        try:
            self._run_in_transaction(items, operators=operators)
        except PermanentError as error:
            if not self.lost.takes(error.__cause__) or (len(items) == 1 and _is_vital(items[0])):
                raise
            self._restore_state(before)
            if len(items) == 1:
                self._lose(items[0], error.__cause__)
                return
            for item in items:
                self._run_one_by_one_where_refused([item], operators=operators)
        else:
            self._done.statements.update(item.statement.number for item in items if item.kind not in AGAIN)

    def _lose(self, classified: ClassifiedStatement, error: BaseException | None) -> None:
        """It is not noted as done: a load that goes on tries it again."""
        sql = role_names.rename_roles(classified, self._options.role_map)
        self.lost.add_statement(classified, error, sql, self._role or b"")
        self._persistence.forget(classified)

    def _copy_state(self) -> tuple[bytes | None, bytes, int, int]:
        return self._role, self._encoding, len(self.settings), len(self.skipped)

    def _restore_state(self, state: tuple[bytes | None, bytes, int, int]) -> None:
        """As the server has rolled back what the statements did to its session."""
        self._role, self._encoding, settings, skipped = state
        del self.settings[settings:], self.skipped[skipped:]

    def _run_in_transaction(self, items: Sequence[ClassifiedStatement], *, operators: bool) -> None:
        numbers = [item.statement.number for item in items if item.kind not in AGAIN]
        session = self.operator if operators else self.session
        with session.transaction():
            for item in items:
                self._run_one(item)
            if operators:
                ledger.note_statements(session, numbers)
            else:
                self._note(numbers)

    def _is_operators(self, classified: ClassifiedStatement) -> bool:
        if self.operator is self.session:
            return False
        return (
            classified.kind in OPERATORS or bool(PUBLICATIONS.match(classified.sql)) or self._is_of_public(classified)
        )

    def _is_of_public(self, classified: ClassifiedStatement) -> bool:
        """Whether it gives the schema `public` to the operator."""
        name = role_names.find_new_owner(classified) if role_names.PUBLIC_OWNER.match(classified.sql) else None
        return name is not None and self._options.role_map.get(name, name) == self._prepared.user

    def unlog(self) -> None:
        """Makes unlogged again what the dump declares so. A crash of the server from here on empties it, as after the
        load's end."""
        with self.session.transaction():
            self.unlog_as(self.session)

    def unlog_as(self, session: LoadSession) -> None:
        """Does that in a transaction of this session's."""
        ledger.run_in_any_order(session, self._persistence.list_unlogging())
        for statement in self._persistence.list_logging(self._prepared.version):
            session.run(statement)

    def run_last(self, statements: Iterable[ClassifiedStatement]) -> None:
        """Runs statements as the operator, within the transaction that ends the load: there is no ledger any more."""
        for item in statements:
            if self._is_left_out(item):
                self.skipped.append(item.short)
                continue
            try:
                with self.operator.transaction():
                    self._run_as_operator(item, role_names.rename_roles(item, self._options.role_map))
            except PermanentError as error:
                if not self.lost.takes(error.__cause__):
                    raise
                self.lost.add_statement(item, error.__cause__)

    def _note(self, numbers: Sequence[int]) -> None:
        if numbers:
            with self.act_as_loader():
                ledger.note_statements(self.session, numbers)

    @contextmanager
    def act_as_loader(self) -> Generator[None]:
        """Acts as the loading role: the ledger is its own, whatever role the dump's statements need."""
        if self._role:
            self.session.run(b"RESET ROLE")
        yield
        if self._role:
            self.session.run(b"SET ROLE " + self._role)

    def _run_one(self, classified: ClassifiedStatement) -> None:
        if self._is_left_out(classified):
            self.skipped.append(classified.short)
            return
        match classified.kind:
            case "session_authorization" | "reset_authorization":
                self._become(classified)
            case "search_path" if self._options.search_path:
                self._set_search_path(classified)
            case _ if self._is_operators(classified):
                self._run_as_operator(classified, role_names.rename_roles(classified, self._options.role_map))
            case _:
                sql = role_names.rename_roles(classified, self._map_names(classified))
                if SQL_ASCII.match(sql):
                    sql = b"SET client_encoding = '%b'" % self.session.unconverted.encode()
                self._execute(classified, persistence.remove_unlogged(sql))

    def _map_names(self, classified: ClassifiedStatement) -> Mapping[str, str]:
        """The load's own role stands in for the operator as an owner: at the end it hands over what it owns."""
        load_role, user = self._prepared.load_role, self._prepared.user
        names = dict(self._options.role_map)
        if load_role and classified.kind in role_names.OWNING:
            names = {old: load_role.name if new == user else new for old, new in {user: user, **names}.items()}
        return names

    def _run_as_operator(self, classified: ClassifiedStatement, sql: bytes) -> None:
        """Grants as the role whose they are in the dump; no entry of the ledger is written as that role."""
        if self._is_of_public(classified):
            ledger.set_public_owner(self.operator, self._prepared.user)  # it gets it when the load's role lets go of it
            return
        with self._translate_errors(classified, sql):
            if classified.get_part("schema"):
                self._make_schema(classified.get_part("schema"))
            if self._encoding:
                self.operator.run(self._encoding)
            if self._role and classified.kind == "acl":
                self.operator.run(b"SET LOCAL ROLE " + self._role)
            if classified.kind == "acl":
                self._grant(self.operator, classified, sql)
            else:
                self.operator.run(sql)
            if self._role and classified.kind == "acl":
                self.operator.run(b"RESET ROLE")
            if classified.kind == "extension" and self._prepared.load_role:
                name = role_names.unquote(classified.get_text("name"))
                self._prepared.load_role.admit(name, foreign="foreign" in self._options.allow)

    def _grant(self, session: LoadSession, classified: ClassifiedStatement, sql: bytes) -> None:
        """A right that the server only warns about is one that the database lacks."""
        error = NotGrantedError(session.grant(sql))
        given = classified.sql == PUBLIC_TO_ALL and self._prepared.version < OWNED_PUBLIC
        if str(error) and not given and self.lost.takes(error):
            raise error

    def _make_schema(self, name: bytes) -> None:
        """An extension's schema is in no dump where the extension has made it, or is its member."""
        with self.session.transaction():
            self.session.run(b"CREATE SCHEMA IF NOT EXISTS " + name)

    def _set_search_path(self, classified: ClassifiedStatement) -> None:
        """Lets functions of the dump find what they name without a schema."""
        path = ", ".join('"{}"'.format(name.replace('"', '""')) for name in self._options.search_path)
        literal = encodings.encode(path.replace("'", "''"), classified.statement.codec)
        self._execute(classified, b"SELECT pg_catalog.set_config('search_path', '%b', false)" % literal)

    def _execute(self, classified: ClassifiedStatement, sql: bytes) -> None:
        with self._translate_errors(classified, sql):
            if classified.kind == "owner":
                if self._prepared.load_role and role_names.PUBLIC_OWNER.match(sql):
                    self.session.run(self._prepared.load_role.public_to_itself)
                self._give(classified, sql)
            elif classified.kind == "acl":
                self._grant(self.session, classified, sql)
            else:
                self.session.run(sql)
        if classified.kind in ("set", "search_path"):
            self.settings.append(sql)
        if classified.kind == "set" and classified.get_part("name") == b"client_encoding":
            self._encoding = sql.replace(b"SET ", b"SET LOCAL ", 1)

    @contextmanager
    def _translate_errors(self, classified: ClassifiedStatement, sql: bytes) -> Generator[None]:
        try:
            yield
        except psycopg.Error as error:
            where = f"dump, line {classified.statement.line}, byte {classified.statement.offset}: {shorten(sql)}"
            raise build_failure(error, where, self._choose_fix(error)) from error

    def _choose_fix(self, error: psycopg.Error) -> str:
        """Where the load's own role may less than the operator's login."""
        if not isinstance(error, psycopg.errors.InsufficientPrivilege) or self._prepared.load_role is None:
            return ""
        user = self._prepared.user
        return f'docs/dumps.md, "A dump by hand": --login own for a dump you trust, with all rights of {user}'

    def _give(self, classified: ClassifiedStatement, sql: bytes) -> None:
        """A new owner needs CREATE where the object is; the dump grants it at its end, so it is lent for this."""
        try:
            with self.session.transaction():
                self.session.run(sql)
        except psycopg.errors.InsufficientPrivilege:
            place = self._find_place(classified)
            if place is None:
                raise
            owner = role_names.find_new_owner(classified) or ""
            role = role_names.quote(self._map_names(classified).get(owner, owner), classified.statement.codec)
            self.session.run(b"GRANT CREATE ON %b TO %b" % (place, role))
            self.session.run(sql)
            self.session.run(b"REVOKE CREATE ON %b FROM %b" % (place, role))

    def _find_place(self, classified: ClassifiedStatement) -> bytes | None:
        if classified.sql.startswith(b"ALTER SCHEMA "):
            return b"DATABASE " + role_names.quote(self.session.target.dbname, classified.statement.codec)
        schema = SCHEMA.match(classified.sql)
        return b"SCHEMA " + schema["schema"] if schema else None

    def _become(self, classified: ClassifiedStatement) -> None:
        """SET ROLE gives the same grantor as SET SESSION AUTHORIZATION, which only superusers may run."""
        role = read_authorized_role(classified) if classified.kind == "session_authorization" else ""
        name = self._options.role_map.get(role, role)
        there = name and name not in self._prepared.missing
        if self._prepared.load_role and name == self._prepared.user:
            there = False  # the load's own role stands in for it
        self._role = role_names.quote(name, classified.statement.codec) if there else None
        self.session.run(b"SET ROLE " + self._role if self._role else b"RESET ROLE")

    def _is_left_out(self, classified: ClassifiedStatement) -> bool:
        if classified.kind == "set":
            return classified.get_part("name").decode() not in self._prepared.settings
        if classified.sql in PUBLIC:
            return bool(self.session.query("select pg_catalog.to_regnamespace('public') is not null")[0][0])
        if classified.kind == "extension_comment":
            return not self._may_comment(classified)
        names = {self._options.role_map.get(span.role, span.role) for span in role_names.find_role_spans(classified)}
        if role_names.PUBLIC_OWNER.match(classified.sql) and names & self._prepared.powerful:
            return True
        return bool(names & self._prepared.missing)

    def _may_comment(self, classified: ClassifiedStatement) -> bool:
        """An extension that stood before belongs to another (RDS: plpgsql to rdsadmin), and has its comment."""
        rows = self.operator.query(EXTENSION_OWNER, (role_names.unquote(classified.get_text("name")),))
        return not rows or bool(rows[0][0])

    # A large object's data: one transaction of many statements, as they come

    def group(self, classified: ClassifiedStatement) -> None:
        """Runs BEGIN, the statements of a large object, and COMMIT."""
        if classified.kind == "begin":
            self._group, self._group_is_lost = classified.statement.number, False
        if not self._group_is_lost and self._group not in self._done.statements:
            try:
                if classified.kind == "commit":
                    self._note([self._group])
                self._execute(classified, classified.sql)
            except PermanentError as error:
                if not self.lost.takes(error.__cause__):
                    raise
                self._lose_group(classified, error.__cause__)
        if classified.kind == "commit":
            self._group = 0

    def _lose_group(self, classified: ClassifiedStatement, error: BaseException | None) -> None:
        """Its objects are loaded together or not at all."""
        self.session.run(b"ROLLBACK")
        self._group_is_lost = True
        self.lost.add_statement(classified, error)

    @property
    def in_group(self) -> bool:
        return self._group > 0
