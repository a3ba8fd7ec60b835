"""What a team expects of a restored database: the keys of the expectations file, as pydantic reads them.

The reference (docs/expectations.md) and the JSON Schema are made of this: a docstring below a field describes its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, ValidationInfo

from validation.expectations import prisma
from validation.expectations.field_types import (
    TABLE_SCHEMA,
    UNIQUE,
    ColumnValues,
    Flag,
    Number,
    NumberAbove0,
    Plain,
    Positive,
    Privileges,
    SomeStrings,
    String,
    Strings,
    TableName,
    Version,
    Whole,
    parse_table,
)
from validation.expectations.sql_checks import SqlCheck, read_folders
from validation.expectations.table_names import Table
from validation.keyed.fields import DocumentSection, Fault, read_as
from validation.problems import show_value

Family = Literal[
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
]
DECLARABLE: tuple[str, ...] = get_args(Family)
"""Families of checks that need a declaration; `required` may name them."""

STATEMENT_SECONDS = 300.0
BUDGET_SECONDS = 1800.0
"""How long a statement and a run may take at least, where a file doesn't say; a large database gets more."""
PRISMA_MIGRATIONS = Table("public", "_prisma_migrations")
ANY = "any"


@dataclass(frozen=True)
class Server(DocumentSection):
    version: Version | None = None
    """Major version of PostgreSQL."""
    database: String | None = None
    """Name of the database; without it the one in the URL."""


@dataclass(frozen=True)
class RowRange(DocumentSection):
    """Bounds on a table's rows: absolute, and as parts of the source's or the baseline's count."""

    min: Whole | None = None
    """Rows at least."""
    max: Whole | None = None
    """Rows at most."""
    at_least_of_source: Number | None = None
    """At least this part of the source's rows: 0.9 is 90 %."""
    at_most_of_source: Number | None = None
    """At most this part of the source's rows."""
    at_least_of_baseline: Number | None = None
    """At least this part of the baseline's rows."""
    at_most_of_baseline: Number | None = None
    """At most this part of the baseline's rows."""

    @property
    def needs_source(self) -> bool:
        return self.at_least_of_source is not None or self.at_most_of_source is not None

    @property
    def needs_baseline(self) -> bool:
        return self.at_least_of_baseline is not None or self.at_most_of_baseline is not None


@dataclass(frozen=True)
class OfTable(DocumentSection):
    table: TableName
    """As in the catalog: `users`, `audit.events`, odd parts in double quotes."""


@dataclass(frozen=True)
class RowKey(OfTable):
    """A row by its table and key. Values are strings, the server reads them as the column's own type."""

    key: ColumnValues
    """Columns and their values; the server reads them as the columns' own types."""


@dataclass(frozen=True)
class MustExist(RowKey):
    """A row that must be there."""


@dataclass(frozen=True)
class MustNotExist(RowKey):
    """A row that must be gone, for example one that the incident wrote."""


@dataclass(frozen=True)
class Freshness(OfTable):
    """How old the newest value of a timestamp column may be, as Prisma writes it: in UTC where it has no time zone."""

    column: String
    """Name of the column."""
    tolerance_seconds: Number
    """How much older than T the newest value may be."""
    ahead_seconds: Number = 0.0
    """How much newer, where applications write their own clock's time."""


@dataclass(frozen=True)
class MigrationKeys(DocumentSection):
    """Prisma's migrations as the file has them."""

    table: Annotated[TableName, Field(json_schema_extra={"default": PRISMA_MIGRATIONS.name})] = PRISMA_MIGRATIONS
    """Prisma's table."""
    last: String | None = None
    """Name of the one that was applied last."""
    applied: SomeStrings | None = None
    """Exactly these are applied."""
    directory: String | None = None
    """Prisma's folder of migrations, relative to this file: exactly those in it are applied, and the checksums are
    theirs. Instead of `applied`."""


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
class NotNull(OfTable):
    columns: SomeStrings
    """Names of the columns."""


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


@dataclass(frozen=True, kw_only=True)
class RoleRights(DocumentSection):
    """What a role may do; an attribute that is None may be either."""

    login: Flag | None = None
    """May log in."""
    superuser: Flag | None = None
    """Is a superuser."""
    create_database: Flag | None = None
    """May create databases."""
    create_role: Flag | None = None
    """May create roles."""
    replication: Flag | None = None
    """May replicate."""
    bypass_rls: Flag | None = None
    """Sees rows that policies hide."""
    member_of: Strings = ()
    """Roles it is a member of, directly or through others."""
    may: Privileges = ()
    """Privileges it has, itself or through others. As GRANT says it: `"SELECT, INSERT ON users"`,
    `"USAGE ON SEQUENCE s"`, `"USAGE ON SCHEMA public"`, `"CONNECT ON DATABASE"`,
    `"SELECT ON ALL TABLES IN SCHEMA public"`."""
    may_not: Privileges = ()
    """Privileges it must not have."""


@dataclass(frozen=True)
class Role(RoleRights):
    """A role that must be there."""

    name: str


@dataclass(frozen=True)
class Limits(DocumentSection):
    statement_seconds: NumberAbove0 | None = None
    """For one statement. Without it 300, and what its tables' size needs on a fresh volume."""
    budget_seconds: NumberAbove0 | None = None
    """For the whole run; what is left then is INCONCLUSIVE. Without it 1800, and what the database's size needs."""
    workers: Positive = 4
    """Sessions that read in parallel, each with one process of the server."""


def _parse_table_name(name: str) -> str:
    parse_table(name)
    return name


def _parse_rows(ranges: Mapping[str, RowRange]) -> Mapping[Table, RowRange]:
    tables = {parse_table(name): bounds for name, bounds in ranges.items()}
    if len(tables) < len(ranges):
        raise Fault("each table once", found=", ".join(ranges), fix="remove one of the two")
    return MappingProxyType(tables)


def _check_order(bounds: RowRange) -> RowRange:
    if not any(value is not None for value in vars(bounds).values()):
        raise Fault(f"at least one of {', '.join(vars(bounds))}", found="nothing", fix="add one")
    for low, high, names in (
        (bounds.min, bounds.max, "min and max"),
        (bounds.at_least_of_source, bounds.at_most_of_source, "at_least_of_source and at_most_of_source"),
        (bounds.at_least_of_baseline, bounds.at_most_of_baseline, "at_least_of_baseline and at_most_of_baseline"),
    ):
        if low is not None and high is not None and low > high:
            raise Fault(f"{names} in this order", found=f"{low:g} to {high:g}", fix="swap them")
    return bounds


OrderedRange = Annotated[RowRange, AfterValidator(_check_order), Field(json_schema_extra={"minProperties": 1})]


def _find_folder(info: ValidationInfo) -> Path:
    """The folder of the file, to which its paths are relative."""
    return info.context["folder"] if info.context else Path()


def _parse_migrations(keys: MigrationKeys, info: ValidationInfo) -> Migrations:
    if keys.directory and keys.applied:
        raise Fault("either applied or directory", found="both", fix="remove one of the two", key="directory")
    checksums = _read_checksums(_find_folder(info) / keys.directory) if keys.directory else ()
    applied = keys.applied or tuple(name for name, _ in checksums) or None
    if keys.last is not None and applied and keys.last not in applied:
        fix = "correct it, or add it to applied"
        raise Fault("one of those that are applied", found=show_value(keys.last), fix=fix, key="last")
    return Migrations(keys.table, keys.last, applied, checksums)


def _read_checksums(directory: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    try:
        return prisma.list_migrations(directory)
    except (OSError, ValueError) as error:
        needed = "Prisma's folder of migrations"
        raise Fault(needed, found=str(error), fix="correct the path", key="directory") from error


def _parse_settings(values: Mapping[str, str]) -> tuple[Setting, ...]:
    """A boolean of TOML as the server prints it."""
    on_or_off = {"true": "on", "false": "off"}
    return tuple(Setting(name.lower(), on_or_off.get(value, value)) for name, value in values.items())


def _parse_extensions(versions: Mapping[str, str]) -> tuple[Extension, ...]:
    return tuple(Extension(name, None if version == ANY else version) for name, version in versions.items())


def _parse_roles(rights: Mapping[str, RoleRights]) -> tuple[Role, ...]:
    return tuple(Role(name, **vars(role_rights)) for name, role_rights in rights.items())


def _parse_sql_checks(folders: tuple[str, ...], info: ValidationInfo) -> tuple[SqlCheck, ...]:
    return read_folders(_find_folder(info) / folder for folder in folders)


def _make_no_tables() -> Mapping[Table, RowRange]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Expectations(DocumentSection):
    required: Annotated[tuple[Family, ...], *UNIQUE] = ()
    """Families that must be declared in this file; one that isn't makes the run INCONCLUSIVE."""
    sql_checks: Annotated[tuple[SqlCheck, ...], read_as(Annotated[SomeStrings, AfterValidator(_parse_sql_checks)])] = ()
    """Folders of your own checks, relative to this file: each .sql file in them is one (see validation/sql/checks)."""
    server: Server = Server()
    """What the server says about itself."""
    tables: Annotated[
        Mapping[Table, RowRange],
        read_as(
            Annotated[
                Mapping[Annotated[str, AfterValidator(_parse_table_name)], OrderedRange],
                AfterValidator(_parse_rows),
            ]
        ),
        Field(json_schema_extra={"propertyNames": TABLE_SCHEMA}),
    ] = field(default_factory=_make_no_tables)
    """How many rows a table has. A table that is named here must be there."""
    must_exist: Annotated[tuple[MustExist, ...], *UNIQUE] = ()
    """A row that must be there."""
    must_not_exist: Annotated[tuple[MustNotExist, ...], *UNIQUE] = ()
    """A row that must be gone, for example one that the incident wrote."""
    freshness: Annotated[tuple[Freshness, ...], *UNIQUE] = ()
    """The newest value of a column lies in [T - tolerance, T + ahead], T the restore point. A timestamp without time
    zone is taken as UTC."""
    migrations: Annotated[Migrations, read_as(Annotated[MigrationKeys, AfterValidator(_parse_migrations)])] | None = (
        None
    )
    """Prisma's migrations: all finished, none rolled back, and these applied."""
    not_null: Annotated[tuple[NotNull, ...], *UNIQUE] = ()
    """Columns in which every row has a value."""
    settings: Annotated[
        tuple[Setting, ...], read_as(Annotated[Mapping[str, Plain], AfterValidator(_parse_settings)])
    ] = ()
    """Settings of the server, as SHOW prints them or in the unit of pg_settings: `"200"`, `"64MB"`, `true` for on."""
    extensions: Annotated[
        tuple[Extension, ...], read_as(Annotated[Mapping[str, String], AfterValidator(_parse_extensions)])
    ] = ()
    """Extensions that must be there, with their version in quotes or "any"."""
    roles: Annotated[tuple[Role, ...], read_as(Annotated[Mapping[str, RoleRights], AfterValidator(_parse_roles)])] = ()
    """Roles that must be there, and what they may do. What isn't written may be either way."""
    limits: Limits = Limits()
    """How long a run may take."""

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
        return frozenset(family for family, declared in zip(DECLARABLE, declarations, strict=True) if declared)
