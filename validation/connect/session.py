"""A read-only session on one snapshot that asks questions one at a time and never raises for an answer."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row

from validation.connect.query import BORROWED, Answer, Question, Side, Unanswered
from validation.connect.sql_errors import explain
from validation.connect.target import Target, remove_secret
from validation.sql.queries import query
from validation.verdict import Verdict

Connection = psycopg.Connection[DictRow]
CANCEL_SECONDS = 5.0
LONGEST = 2_147_483_647
"""PostgreSQL's largest statement_timeout, in milliseconds."""
EMPTY = "the query answered with no row"


class Unreachable(Exception):
    """No session: the message says why, without the password."""


@dataclass
class ReadSession:
    """One connection in one repeatable-read, read-only transaction, which lasts as long as the session."""

    connection: Connection
    secret: str | None
    _asking: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _to_close: bool = False

    def ask(self, question: Question, seconds: float) -> Answer | Unanswered:
        """Asks under a statement timeout of so many seconds; an error ends only the question, unless the connection is
        lost."""
        with self._asking:
            outcome = self._ask(question, seconds)
        if self._to_close:
            self.connection.close()
        return outcome

    def _ask(self, question: Question, seconds: float) -> Answer | Unanswered:
        started = time.monotonic()
        try:
            # Rolled back, so that the settings of one question are gone before the next
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(_compose_settings(question, seconds))
                rows = self.connection.execute(question.statement).fetchall()
        except psycopg.Error as error:
            lost = self.connection.broken or self.connection.closed
            verdict, found, fix = explain(error, lost=lost, trial=question.side is Side.APPLICATION)
            found = remove_secret(self.secret, found)
            return Unanswered(verdict, found, fix, time.monotonic() - started, lost=lost)
        spent = time.monotonic() - started
        if not rows and not question.may_be_empty:
            return Unanswered(Verdict.INCONCLUSIVE, EMPTY, "docs/checks.md: correct the query", spent)
        return Answer(tuple(rows), spent)

    def export_snapshot(self) -> str:
        """Exports this session's snapshot for others. Raises Unreachable; the session can still ask."""
        try:
            # Outside of a savepoint: a subtransaction can't export
            row = self.connection.execute(query("export_snapshot")).fetchone()
        except psycopg.Error as error:
            with suppress(psycopg.Error):
                self.connection.rollback()
                self.connection.execute(query("take_snapshot"))
            raise Unreachable(remove_secret(self.secret, explain(error, lost=False)[1])) from error
        return str(row["snapshot"]) if row else ""

    def cancel(self) -> None:
        """Has the server break off what this session asks, from any thread; a server that can't is let be."""
        with suppress(psycopg.Error):
            self.connection.cancel_safe(timeout=CANCEL_SECONDS)

    def close(self) -> None:
        """Closes the connection; one whose answer another thread still waits for is closed by that thread, for libpq
        allows no two threads in a connection (https://www.postgresql.org/docs/current/libpq-threading.html)."""
        self._to_close = True
        if self._asking.acquire(blocking=False):
            try:
                self.connection.close()
            finally:
                self._asking.release()


def connect(
    target: Target, *, snapshot: str | None = None, borrow: str | None = None, trial: bool = False
) -> ReadSession:
    """Opens a session, on another session's snapshot when one is given. Raises Unreachable.

    With `borrow` it creates that extension for itself before it becomes read-only. A `trial` may write, as far as the
    login and its settings let it. Nothing of either is ever committed.
    """
    secret = target.read_secret()
    try:
        connection = _open(target, secret)
    except psycopg.Error as error:
        raise Unreachable(remove_secret(secret, explain(error, lost=False)[1])) from error
    try:
        _prepare(connection, snapshot, borrow, trial=trial)
    except psycopg.Error as error:
        connection.close()
        raise Unreachable(remove_secret(secret, explain(error, lost=False)[1])) from error
    except Unreachable:
        connection.close()
        raise
    return ReadSession(connection, secret)


def _open(target: Target, secret: str | None) -> Connection:
    conninfo = make_conninfo(**target.build_keywords(secret))
    return psycopg.Connection[DictRow].connect(conninfo, row_factory=dict_row, prepare_threshold=None)


def _prepare(connection: Connection, snapshot: str | None, borrow: str | None, *, trial: bool) -> None:
    """Settings first and committed, otherwise a rollback would take them back; then the transaction to stay in."""
    if not trial:
        connection.read_only = borrow is None
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.execute(query("session"))
    if trial:
        connection.execute(query("apply_policies"))
    connection.commit()
    if snapshot is not None:
        connection.execute(query("import_snapshot", snapshot=sql.Literal(snapshot)))
    if borrow is not None:
        _borrow(connection, borrow)
    connection.execute(query("take_snapshot"))


def _borrow(connection: Connection, extension: str) -> None:
    """Creates it in a schema of its own. Raises Unreachable where that would run what the database brought along."""
    triggers = connection.execute(query("event_triggers")).fetchone()
    if triggers and triggers["enabled"]:
        raise Unreachable(f"creating it would run {triggers['enabled']} event triggers of the database")
    schema = sql.Identifier(BORROWED)
    connection.execute(query("borrow_schema", schema=schema))
    connection.execute(query("borrow", extension=sql.Identifier(extension), schema=schema))
    connection.execute(query("become_read_only"))


def _compose_settings(question: Question, seconds: float) -> sql.Composed:
    milliseconds = min(max(1, round(min(seconds, question.seconds or seconds) * 1000)), LONGEST)
    settings = (("statement_timeout", str(milliseconds)), *question.settings)
    assignments = [sql.SQL("({}, {})").format(name, value) for name, value in settings]
    return query("own_settings", wanted=sql.SQL(", ").join(assignments))
