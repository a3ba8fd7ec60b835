"""The undo file of a rescue: a psql script, on disk before the rescue is committed.

It touches only rows whose present version the rescue itself wrote (their xmin is its transaction), so that nothing that
was written since is lost; and it refuses to delete a row that others refer to by now.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from psycopg import sql

from restore.errors import PermanentError, Problem
from restore.rescue.model import ForeignKey, Trigger
from restore.rescue.statements import Part, assigned, disable, enable, equal, names

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
        self._checks: list[sql.Composable] = []
        self._deletions: list[sql.Composable] = []
        self._triggers: list[Trigger] = []
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
        undone = sql.Identifier("pg_temp", f"inserted_{part.number}")
        count = self._add_rows(part, f"inserted_{part.number}", part.key, write_rows)
        if count:
            own = _own(part, transaction)
            self._deletions.append(
                sql.SQL("DELETE FROM {} AS s USING {} AS u WHERE {}").format(part.facts.relation, undone, own)
            )
            self._checks += [
                _refuse_referred(part, foreign_key, undone, transaction)
                for foreign_key in foreign_keys
                if foreign_key.parent == part.table
            ]
        return count

    def add_overwritten(self, part: Part, transaction: str, write_rows: Callable[[BinaryIO], int]) -> int:
        """Adds rows that are about to be overwritten, as they are; returns how many there are."""
        undone = sql.Identifier("pg_temp", f"overwritten_{part.number}")
        count = self._add_rows(part, f"overwritten_{part.number}", part.columns, write_rows)
        if count:
            self._changes.append(
                sql.SQL("UPDATE {} AS s SET {} FROM {} AS u WHERE {}").format(
                    part.facts.relation, assigned(part, "u"), undone, _own(part, transaction)
                )
            )
        return count

    def add_triggers(self, triggers: Sequence[Trigger]) -> None:
        """Adds triggers that must not fire for what is undone, as they didn't for what was done."""
        self._triggers += triggers

    def finish(self, search_path: str) -> None:
        """Writes the end and waits until all of it is on disk. `search_path` as SET takes it: triggers and constraints
        find by it what they name without a schema."""
        self._write(f"SET LOCAL search_path = {search_path};\n")
        for trigger in self._triggers:
            self._write(disable(trigger).as_string() + ";\n")
        for statement in (*reversed(self._changes), *self._checks, *_together(self._deletions)):
            self._write(statement.as_string() + ";\n")
        for trigger in self._triggers:
            self._write(enable(trigger).as_string() + ";\n")
        self._write("COMMIT;\n")
        with self._writing():
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

    def _add_rows(self, part: Part, table: str, columns: Sequence[str], write_rows: Callable[[BinaryIO], int]) -> int:
        made = sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            sql.Identifier(table), names(columns), part.table.identifier
        )
        self._write(made.as_string() + ";\n")
        self._write(f"COPY pg_temp.{table} FROM stdin;\n")
        with self._writing():
            count = write_rows(self._file)
        self._write("\\.\n")
        return count

    def _write(self, text: str) -> None:
        with self._writing():
            self._file.write(text.encode())

    @contextmanager
    def _writing(self) -> Generator[None]:
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


def _own(part: Part, transaction: str) -> sql.Composed:
    own = sql.SQL("{} AND s.xmin::text OPERATOR(pg_catalog.=) {}")
    return own.format(part.same_key("s", "u"), sql.Literal(transaction))


def _together(deletions: Sequence[sql.Composable]) -> Iterator[sql.Composable]:
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
        own=_own(part, transaction),
        transaction=sql.Literal(transaction),
        child=foreign_key.child.identifier,
        refers=equal("s", foreign_key.parent_columns, "c", foreign_key.child_columns, foreign_key.operators),
        message=sql.Literal(message),
    )
    return sql.SQL("DO {}").format(sql.Literal(block.as_string()))
