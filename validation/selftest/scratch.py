"""A database that may be emptied: one that was empty when it was taken, and that says so in its comment."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from validation.connect.sql_errors import explain
from validation.connect.target import Target, remove_secret
from validation.sql.queries import query

MARK = "scratch database of python -m validation selftest: it is emptied without asking"


class ScratchError(Exception):
    """The database can't be used as a scratch one: the message says why and what to do."""


class NotScratch(ScratchError):
    """The database holds something, and nothing says that it may be dropped."""


class Scratch:
    """A session that writes; everything in the database is its to drop."""

    def __init__(self, connection: psycopg.Connection[Any], secret: str | None) -> None:
        self._connection = connection
        self._secret = secret

    @property
    def superuser(self) -> bool:
        return self._connection.info.parameter_status("is_superuser") == "on"

    def run(self, statements: str) -> None:
        """Runs SQL statements as one. Raises ScratchError."""
        try:
            self._connection.execute(cast(LiteralString, statements))
        except psycopg.Error as error:
            raise ScratchError(remove_secret(self._secret, explain(error, lost=False)[1])) from error

    def renew(self, sample: str) -> None:
        """Empties the database and fills it with the sample. Raises ScratchError."""
        self.empty()
        self.run(sample)

    def empty(self) -> None:
        """Drops all schemas and resets the database's settings; `public` is there again afterwards. Raises
        ScratchError."""
        self.run("reset all; set default_transaction_read_only = off; set search_path = public")
        for statement in self._read_texts(query("selftest_emptying")):
            self.run(statement)

    def take(self) -> None:
        """Marks an empty database as scratch. Raises NotScratch for one that is neither empty nor marked, ScratchError
        for one that this login may not mark."""
        (comment,) = self._read_texts(query("selftest_comment")) or ("",)
        content = self._read_texts(query("selftest_content"))
        if comment != MARK and content:
            some = ", ".join(content[:3]) + (", ..." if len(content) > 3 else "")
            needed = "needed: an empty one, since everything in it is dropped"
            fix = "CREATE DATABASE scratch (and give its URL)"
            raise NotScratch(f"found: the database is not empty ({some}); {needed}; fix: {fix}")
        try:
            self._comment(MARK)
        except ScratchError as error:
            raise ScratchError(
                f"{error}; needed: a database of its own; fix: create database scratch as this login"
            ) from error

    def give_back(self) -> None:
        """Empties the database and takes its mark away. Raises ScratchError."""
        self.empty()
        self._comment(None)

    def _comment(self, text: str | None) -> None:
        name = sql.Identifier(self._connection.info.dbname)
        self.run(query("selftest_mark", database=name, mark=sql.Literal(text)).as_string(self._connection))

    def _read_texts(self, statement: sql.Composed) -> tuple[str, ...]:
        return tuple(str(text) for (text,) in self._connection.execute(statement).fetchall() if text is not None)


@contextmanager
def open_scratch(target: Target) -> Generator[Scratch]:
    """Takes the database, and leaves it empty and without its mark. Raises ScratchError."""
    secret = target.read_secret()
    try:
        connection = psycopg.connect(
            make_conninfo(**target.build_keywords(secret)), autocommit=True, prepare_threshold=None
        )
    except psycopg.Error as error:
        raise ScratchError(f"{target}: {remove_secret(secret, explain(error, lost=False)[1])}") from error
    with connection:
        taken = Scratch(connection, secret)
        taken.take()
        try:
            yield taken
        finally:
            with suppress(ScratchError, psycopg.Error):
                taken.give_back()
