"""What a team expects of a restored database. Read from a file or a mapping by `validation.expectations`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from validation.names import Table
from validation.sqlchecks import SqlCheck

DECLARABLE = ("rows", "must-exist", "freshness", "migrations", "not-null")
"""Families of checks that need a declaration; `required` may name them."""

PRISMA_MIGRATIONS = Table("public", "_prisma_migrations")


@dataclass(frozen=True)
class RowRange:
    """Bounds on a table's rows: absolute, and as parts of the source's count (0.9 is 90 %)."""

    min: int | None = None
    max: int | None = None
    at_least_of_source: float | None = None
    at_most_of_source: float | None = None

    @property
    def needs_source(self) -> bool:
        return self.at_least_of_source is not None or self.at_most_of_source is not None


@dataclass(frozen=True)
class MustExist:
    """A row that must be there. Values are text, the server reads them as the column's own type."""

    table: Table
    key: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Freshness:
    """The newest value of a timestamp column lies in [T - tolerance, T + ahead], T being the restore point.

    `ahead_seconds` is for applications that write their own clock's time. A timestamp without time zone is
    taken as UTC, as Prisma writes it.
    """

    table: Table
    column: str
    tolerance_seconds: float
    ahead_seconds: float = 0.0


@dataclass(frozen=True)
class Migrations:
    """Prisma's migrations table; `last` is the last applied one, `applied` exactly all of them."""

    table: Table = PRISMA_MIGRATIONS
    last: str | None = None
    applied: tuple[str, ...] | None = None


@dataclass(frozen=True)
class NotNull:
    table: Table
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Server:
    version: int | None = None
    database: str | None = None


@dataclass(frozen=True)
class Limits:
    """Seconds for one statement, seconds for the whole run, and how many sessions read side by side."""

    statement_seconds: float = 300.0
    budget_seconds: float = 1800.0
    workers: int = 4


def _no_tables() -> Mapping[Table, RowRange]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Expectations:
    server: Server = Server()
    tables: Mapping[Table, RowRange] = field(default_factory=_no_tables)
    must_exist: tuple[MustExist, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    migrations: Migrations | None = None
    not_null: tuple[NotNull, ...] = ()
    sql_checks: tuple[SqlCheck, ...] = ()
    required: tuple[str, ...] = ()
    limits: Limits = Limits()

    @property
    def declared(self) -> frozenset[str]:
        """The families of DECLARABLE for which something is declared."""
        declarations = (self.tables, self.must_exist, self.freshness, self.migrations, self.not_null)
        return frozenset(family for family, said in zip(DECLARABLE, declarations, strict=True) if said)
