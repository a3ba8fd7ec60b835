"""The undo file of a rescue: a psql script, on disk before the rescue is committed.

It touches only rows whose present version the rescue itself wrote (their xmin is its transaction), so that nothing that
was written since is lost; and it refuses to delete a row that others refer to by now.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from psycopg import sql

from restore.errors import PermanentError, Problem
from restore.rescue.model import ForeignKey, Trigger
from restore.rescue.statements import (
    PASSES,
    Part,
    compose_assignments,
    compose_equal,
    disable,
    enable,
    find_free,
    names,
)

MODE = 0o600
"""The file holds rows."""
BEGIN = """\\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL lc_monetary = 'C';
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '10s';
"""
"""Under the settings of transfer.prepare, under which the rows are written."""


class UndoFile:
    """Writes the script part by part. `transaction` is the rescue's own, as xmin shows it."""

    def __init__(self, path: Path, title: str):
        self.path = path
        self._changes: list[sql.Composable] = []
        self._last_changes: list[sql.Composable] = []
        """Of rows for which one that was inserted may have to make room."""
        self._checks: list[sql.Composable] = []
        self._deletions: list[sql.Composable] = []
        self._triggers: list[Trigger] = []
        self._numbers = count(1)
        self._file = _create(path)
        self._write(f'-- {title}\n-- Run it as: psql "$DATABASE_URL" --file {path.name}\n')
        self._write(BEGIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # all that is to stay is on disk since finish()
            self._file.close()

    def add_inserted(
        self, part: Part, foreign_keys: Sequence[ForeignKey], transaction: str, write_rows: Callable[[BinaryIO], int]
    ) -> int:
        """Adds rows that are being inserted, by their keys; returns how many there were."""
        undone, rows = self._add_rows(part, part.key, write_rows)
        if rows:
            own = _compose_own(part, transaction)
            self._deletions.append(
                sql.SQL("DELETE FROM {} AS s USING {} AS u WHERE {}").format(part.facts.relation, undone, own)
            )
            self._checks += [
                _refuse_referred(part, foreign_key, undone, transaction)
                for foreign_key in foreign_keys
                if foreign_key.parent == part.table
            ]
        return rows

    def add_overwritten(self, part: Part, transaction: str, write_rows: Callable[[BinaryIO], int]) -> int:
        """Adds rows that are about to be overwritten, as they are; returns how many there are."""
        undone, rows = self._add_rows(part, part.columns, write_rows)
        if rows:
            change = sql.SQL("UPDATE {} AS s SET {} FROM {} AS u WHERE {}").format(
                part.facts.relation, compose_assignments(part, "u"), undone, _compose_own(part, transaction)
            )
            if free := find_free(part, "u"):
                self._changes.append(_compose_repeat(sql.SQL(" AND ").join([change, *free])))
                self._last_changes.append(change)
            else:
                self._changes.append(change)
        return rows

    def add_triggers(self, triggers: Sequence[Trigger]) -> None:
        """Adds triggers that must not fire for what is undone, as they didn't for what was done."""
        self._triggers += triggers

    def finish(self, search_path: str) -> None:
        """Writes the end and waits until all of it is on disk. `search_path` as SET takes it: triggers and constraints
        find by it what they name without a schema."""
        self._write(f"SET LOCAL search_path = {search_path};\n")
        for trigger in self._triggers:
            self._write(disable(trigger).as_string() + ";\n")
        deletions = _compose_together(self._deletions)
        for statement in (*reversed(self._changes), *self._checks, *deletions, *reversed(self._last_changes)):
            self._write(statement.as_string() + ";\n")
        for trigger in self._triggers:
            self._write(enable(trigger).as_string() + ";\n")
        self._write("COMMIT;\n")
        with self._translate_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def discard(self) -> None:
        """Removes the file of a rescue that wrote nothing."""
        self.path.unlink(missing_ok=True)

    def _add_rows(
        self, part: Part, columns: Sequence[str], write_rows: Callable[[BinaryIO], int]
    ) -> tuple[sql.Identifier, int]:
        """Returns the table that the script makes of the rows, and how many they are."""
        table = f"undone_{next(self._numbers)}"
        made = sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            sql.Identifier(table), names(columns), part.table.identifier
        )
        self._write(made.as_string() + ";\n")
        self._write(f"COPY pg_temp.{table} FROM stdin;\n")
        with self._translate_errors():
            rows = write_rows(self._file)
        self._write("\\.\n")
        return sql.Identifier("pg_temp", table), rows

    def _write(self, text: str) -> None:
        with self._translate_errors():
            self._file.write(text.encode())

    @contextmanager
    def _translate_errors(self) -> Generator[None]:
        """Raises PermanentError where the file can't be written: nothing that couldn't be taken back is committed."""
        try:
            yield
        except OSError as error:
            raise _refuse(self.path, error) from error


def _create(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb")
    except OSError as error:
        raise _refuse(path, error) from error


def _refuse(path: Path, error: OSError) -> PermanentError:
    fix = f"python -m restore rescue --table <table> --undo {path.with_suffix('.2.sql')} (any file that can be made)"
    found = error.strerror or str(error)
    return PermanentError.of(Problem(f"undo file {path}", found, "a new file that can be written", fix))


def _compose_own(part: Part, transaction: str) -> sql.Composed:
    own = sql.SQL("{} AND s.xmin::text OPERATOR(pg_catalog.=) {}")
    return own.format(part.compose_same_key("s", "u"), sql.Literal(transaction))


def _compose_repeat(change: sql.Composable) -> sql.Composed:
    """Changes rows for which others had to make room first. A row that was changed is none of the rescue's any more."""
    block = "BEGIN FOR pass IN 1..{} LOOP {}; EXIT WHEN NOT FOUND; END LOOP; END"
    return sql.SQL("DO {}").format(sql.Literal(sql.SQL(block).format(sql.Literal(PASSES), change).as_string()))


def _compose_together(deletions: Sequence[sql.Composable]) -> Iterator[sql.Composable]:
    """One statement: foreign keys are checked at its end, whichever way the rows refer to each other."""
    if deletions:
        *others, last = deletions
        names = (sql.Identifier(f"deleted_{number}") for number in range(len(others)))
        before = [sql.SQL("{} AS ({})").format(name, other) for name, other in zip(names, others, strict=True)]
        yield sql.SQL("WITH {} {}").format(sql.SQL(", ").join(before), last) if before else last


def _refuse_referred(part: Part, foreign_key: ForeignKey, undone: sql.Identifier, transaction: str) -> sql.Composed:
    """Fails where rows that came since refer to a row that is about to be deleted."""
    message = f"rows of {foreign_key.child} refer to rows of {part.table} that the rescue brought back: keep them"
    block = sql.SQL(
        "BEGIN IF EXISTS (SELECT FROM {undone} AS u JOIN {table} AS s ON {own} JOIN {child} AS c ON {refers} "
        "WHERE c.xmin::text OPERATOR(pg_catalog.<>) {transaction}) THEN "
        "RAISE EXCEPTION USING MESSAGE = {message}; END IF; END"
    ).format(
        undone=undone,
        table=part.facts.relation,
        own=_compose_own(part, transaction),
        transaction=sql.Literal(transaction),
        child=foreign_key.child.identifier,
        refers=compose_equal("s", foreign_key.parent_columns, "c", foreign_key.child_columns, foreign_key.operators),
        message=sql.Literal(message),
    )
    return sql.SQL("DO {}").format(sql.Literal(block.as_string()))
