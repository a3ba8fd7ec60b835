"""Two databases on two servers with the same tables, whose collations and object numbers differ."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

from psycopg import sql

from tests.support.postgres.scratch_server import Database, Server, running
from validation.loss import LossReport, TableLoss, run

LOCALE = "de_DE.utf8"


class Kind(NamedTuple):
    """A table by its key: columns, constraint, the key of row n, and what follows the table's definition."""

    columns: LiteralString
    constraint: LiteralString
    key: LiteralString
    tail: LiteralString = ""

    @property
    def key_columns(self) -> str:
        return self.constraint.partition("(")[2].rstrip(")")


KINDS: Mapping[LiteralString, Kind] = {
    "numbers": Kind("id bigint", "primary key (id)", "n"),
    # Sorted one way by bytes and another by a language
    "texts": Kind("id text", "primary key (id)", "(array['ä', 'a', 'Z', 'z', '_', 'É'])[1 + n % 6] || n"),
    "uuids": Kind("id uuid", "primary key (id)", "md5(n::text)::uuid"),
    "pairs": Kind("region varchar(9), number int", "primary key (region, number)", "'r' || n % 3, n"),
    "moments": Kind("at timestamptz", "primary key (at)", "timestamptz '2026-11-22' + n * interval '1 s'"),
    "uniques": Kind("id numeric(20, 2) not null", "unique (id)", "n * 1.5"),
    "days": Kind(
        "day date, id int", "primary key (day, id)", "date '2025-12-01' + n % 60, n", "partition by range (day)"
    ),
    "keyless": Kind("id int", "", "n % 50"),
}
COLUMNS: LiteralString = (
    "amount numeric(12, 2), note text, flag boolean, stuff jsonb, tags text[], kind mood, raw bytea, ratio float8, "
    "created_at timestamptz"
)
VALUES: LiteralString = (
    "n % 7, nullif('note ' || n % 9, 'note 5'), n % 2 = 0, jsonb_build_object('n', n % 5), array['x', (n % 3)::text], "
    "(array['sad', 'glad'])[1 + n % 2]::mood, decode(md5((n % 4)::text), 'hex'), (n % 10) / 3.0, "
    "timestamptz '2026-11-22 14:00Z' + n % 50 * interval '1 min'"
)
PARTITIONS = """
create table days_2025 partition of days for values from ('2025-01-01') to ('2026-01-01');
create table days_2026 partition of days for values from ('2026-01-01') to ('2027-01-01');
"""


class Both(NamedTuple):
    source: Database
    candidate: Database

    def report(self, **options: Any) -> LossReport:
        return run(self.source.target, self.candidate.target, **options)

    def of(self, table: str, **options: Any) -> TableLoss:
        return the(self.report(**options), table)

    def execute(self, statements: str) -> None:
        """On both sides."""
        for database in self:
            database.execute(statements)


def the(report: LossReport, table: str) -> TableLoss:
    return next(loss for loss in report.tables if loss.table == f"public.{table}")


def schema() -> str:
    """The tables of KINDS; `n` is the row's number and no part of the key."""
    tables = (
        f"create table {name} ({kind.columns}, n int, {COLUMNS}{kind.constraint and ', '}{kind.constraint}) {kind.tail}"
        for name, kind in KINDS.items()
    )
    return "create type mood as enum ('sad', 'glad');" + ";".join(tables) + ";" + PARTITIONS


def fill(database: Database, table: LiteralString, rows: int) -> None:
    """Puts rows 1 to `rows` into an emptied table, in another order than their keys'."""
    database.execute(
        f"truncate {table}; insert into {table} select {KINDS[table].key}, n, {VALUES}"
        f" from (select n from generate_series(1, {rows}) n order by md5(n::text)) numbered"
    )


@contextmanager
def candidate_server() -> Generator[tuple[Server, str]]:
    """A second server, and the name of a locale that sorts as a language does, where one can be made."""
    folder = Path(tempfile.mkdtemp(prefix="validation-locale-"))
    folder.chmod(0o755)
    before = os.environ.get("LOCPATH")
    try:
        name = _locale(folder)
        with running() as server:
            yield server, name
    finally:
        os.environ.pop("LOCPATH", None)
        if before is not None:
            os.environ["LOCPATH"] = before
        shutil.rmtree(folder)


def _locale(folder: Path) -> str:
    """Compiles the locale into the folder for servers started from here on; "C" where this machine can't."""
    program = shutil.which("localedef")
    if program is None:
        return "C"
    process = subprocess.run(
        [program, "-i", "de_DE", "-f", "UTF-8", "--no-archive", folder / LOCALE], capture_output=True, check=False
    )
    if process.returncode:
        return "C"
    os.environ["LOCPATH"] = str(folder)
    return LOCALE


@contextmanager
def localised(server: Server, locale: str) -> Generator[Database]:
    """A database with that locale."""
    name = "localised"
    create = sql.SQL("create database {} template template0 locale {}")
    with server.connect() as connection:
        connection.execute(create.format(sql.Identifier(name), sql.Literal(locale)))
    yield Database(server, name)
    with server.connect() as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def copied(source: Database, candidate: Database, table: LiteralString) -> None:
    """Copies the source's table beside the candidate's, as theirs.<table>, for the oracle."""
    candidate.execute(
        "drop schema if exists theirs cascade; create schema theirs;"
        f"create table theirs.{table} as table {table} with no data"
    )
    with source.connect() as here, candidate.connect() as there:
        out = here.cursor().copy(f"copy (table {table}) to stdout")
        into = there.cursor().copy(f"copy theirs.{table} from stdin")
        with out as rows, into as target:
            for block in rows:
                target.write(block)
