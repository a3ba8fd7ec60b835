"""What a team expects of a restored database. Read from a file or a mapping by `validation.expectations`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from validation.expectations.table_names import Table, quoted
from validation.verdict import Severity, Verdict

DECLARABLE = (
    "rows",
    "must-exist",
    "must-not-exist",
    "freshness",
    "migrations",
    "not-null",
    "settings",
    "extensions",
    "roles",
    "sql-checks",
)
"""Families of checks that need a declaration; `required` may name them."""

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
"""What is filled in where a check's query has it."""
PRISMA_MIGRATIONS = Table("public", "_prisma_migrations")


@dataclass(frozen=True)
class RowRange:
    """Bounds on a table's rows: absolute, and as parts of the source's or the baseline's count (0.9 is 90 %)."""

    min: int | None = None
    max: int | None = None
    at_least_of_source: float | None = None
    at_most_of_source: float | None = None
    at_least_of_baseline: float | None = None
    at_most_of_baseline: float | None = None

    @property
    def needs_source(self) -> bool:
        return self.at_least_of_source is not None or self.at_most_of_source is not None

    @property
    def needs_baseline(self) -> bool:
        return self.at_least_of_baseline is not None or self.at_most_of_baseline is not None


@dataclass(frozen=True)
class MustExist:
    """A row that must be there. Values are text, the server reads them as the column's own type."""

    table: Table
    key: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MustNotExist:
    """A row that must be gone, for example one that the incident wrote."""

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
    """Prisma's migrations table; `last` is the last applied one, `applied` exactly all of them.

    `checksums` are (name, SHA-256 values that its migration.sql may have been recorded with), of a directory.
    """

    table: Table = PRISMA_MIGRATIONS
    last: str | None = None
    applied: tuple[str, ...] | None = None
    checksums: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class NotNull:
    table: Table
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Server:
    version: int | None = None
    database: str | None = None


@dataclass(frozen=True)
class Setting:
    """A setting of the server as SHOW prints it, or in the unit of pg_settings ("200", "64MB", "on")."""

    name: str
    value: str


@dataclass(frozen=True)
class Extension:
    """An extension that must be there; without `version` any version will do."""

    name: str
    version: str | None = None


class Scope(StrEnum):
    """What a privilege is on; the values are GRANT's words."""

    TABLE = "TABLE"
    SEQUENCE = "SEQUENCE"
    SCHEMA = "SCHEMA"
    DATABASE = "DATABASE"
    ALL_TABLES = "ALL TABLES IN SCHEMA"
    ALL_SEQUENCES = "ALL SEQUENCES IN SCHEMA"


@dataclass(frozen=True)
class Privilege:
    """Privileges in capitals ("SELECT", "INSERT") on one object.

    `on` is a Table for a table or sequence, the schema's name for a schema and for all in it, None for the database
    that is validated.
    """

    words: tuple[str, ...]
    scope: Scope
    on: Table | str | None = None

    def __str__(self) -> str:
        name = quoted(self.on) if isinstance(self.on, str) else "" if self.on is None else str(self.on)
        return f"{', '.join(self.words)} ON {self.scope} {name}".rstrip()


@dataclass(frozen=True)
class Role:
    """A role that must be there; an attribute that is None may be either."""

    name: str
    login: bool | None = None
    superuser: bool | None = None
    create_database: bool | None = None
    create_role: bool | None = None
    replication: bool | None = None
    bypass_rls: bool | None = None
    member_of: tuple[str, ...] = ()
    may: tuple[Privilege, ...] = ()
    may_not: tuple[Privilege, ...] = ()


@dataclass(frozen=True)
class SqlCheck:
    """A query and how its answer is judged.

    `severity` is that of a FAIL, `inconclusive` that of an INCONCLUSIVE; `nothing` is the verdict when there was
    nothing to look at. `each` names a list of things in sql/each/, each of which is asked for by itself; `extension`
    is one whose functions the query calls; `settings` hold for this query alone. `as_in_source` is the severity of what
    the source, or else the baseline, has in the same place.
    """

    name: str
    query: str
    things: str
    needed: str
    fix: str
    severity: Severity = Severity.BLOCKING
    inconclusive: Severity = Severity.BLOCKING
    nothing: Verdict = Verdict.INCONCLUSIVE
    timeout_seconds: float | None = None
    each: str | None = None
    extension: str | None = None
    from_version: int = 0
    settings: tuple[tuple[str, str], ...] = ()
    as_in_source: Severity = Severity.BLOCKING

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(PLACEHOLDER.findall(self.query))


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
    must_not_exist: tuple[MustNotExist, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    migrations: Migrations | None = None
    not_null: tuple[NotNull, ...] = ()
    settings: tuple[Setting, ...] = ()
    extensions: tuple[Extension, ...] = ()
    roles: tuple[Role, ...] = ()
    sql_checks: tuple[SqlCheck, ...] = ()
    required: tuple[str, ...] = ()
    limits: Limits = Limits()

    @property
    def declared(self) -> frozenset[str]:
        """The families of DECLARABLE for which something is declared."""
        declarations = (
            self.tables,
            self.must_exist,
            self.must_not_exist,
            self.freshness,
            self.migrations,
            self.not_null,
            self.settings,
            self.extensions,
            self.roles,
            self.sql_checks,
        )
        return frozenset(family for family, said in zip(DECLARABLE, declarations, strict=True) if said)
