"""The expectations file: every section and key once. Its reader, JSON Schema and documentation are made of this."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from validation.expectations.model import DECLARABLE, Limits


class KeyType(StrEnum):
    """What a key's value is. TABLE: a name as `table_names` reads it. COLUMNS: column names and plain values."""

    TEXT = "text"
    TEXTS = "list of texts"
    NUMBER = "number"
    WHOLE = "whole number"
    VERSION = "major version"
    BOOLEAN = "true or false"
    TABLE = "table"
    COLUMNS = "columns and values"
    PRIVILEGES = "list of privileges"
    PLAIN = "text, number or boolean"


@dataclass(frozen=True)
class Key:
    """One key. `least` is the smallest number, or of a list the fewest items; `above` excludes `least` itself."""

    name: str
    kind: KeyType
    description: str
    required: bool = False
    least: float = 0
    above: bool = False
    choices: tuple[str, ...] = ()
    default: str = ""


class SectionShape(StrEnum):
    """[section], [[list]], [section.NAME] for many names, or a [section] of names and plain values."""

    SECTION = "section"
    LIST = "list"
    NAMED = "named"
    VALUES = "values"


@dataclass(frozen=True)
class SectionSchema:
    """One section. `any_of`: at least one; `values` is the kind of VALUES."""

    name: str
    shape: SectionShape
    description: str
    example: str
    keys: tuple[Key, ...] = ()
    any_of: tuple[str, ...] = ()
    names: str = ""
    values: KeyType = KeyType.TEXT

    def header(self, name: str) -> str:
        """The line that begins it; `name` is one of the many of a NAMED one."""
        return {SectionShape.LIST: f"[[{self.name}]]", SectionShape.NAMED: f"[{self.name}.{name}]"}.get(
            self.shape, f"[{self.name}]"
        )

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.keys)


TABLE = Key(
    "table", KeyType.TABLE, "As in the catalog: `users`, `audit.events`, odd parts in double quotes.", required=True
)
COLUMN = Key("column", KeyType.TEXT, "Name of the column.", required=True)
ROW = Key(
    "key", KeyType.COLUMNS, "Columns and their values; the server reads them as the columns' own types.", required=True
)
RANGE = ("min", "max", "at_least_of_source", "at_most_of_source", "at_least_of_baseline", "at_most_of_baseline")
MAY = (
    'As GRANT says it: `"SELECT, INSERT ON users"`, `"USAGE ON SEQUENCE s"`, `"USAGE ON SCHEMA public"`, '
    '`"CONNECT ON DATABASE"`, `"SELECT ON ALL TABLES IN SCHEMA public"`.'
)
STANDARD = Limits()

REQUIRED = Key(
    "required",
    KeyType.TEXTS,
    "Families that must be declared in this file; one that isn't makes the run INCONCLUSIVE.",
    choices=DECLARABLE,
)

SQL_CHECKS = Key(
    "sql_checks",
    KeyType.TEXTS,
    "Folders of your own checks, relative to this file: each .sql file in them is one (see validation/sql/checks).",
    least=1,
)

SERVER = SectionSchema(
    "server",
    SectionShape.SECTION,
    "What the server says about itself.",
    'version = 17\ndatabase = "ghost_protocol"',
    (
        Key("version", KeyType.VERSION, "Major version of PostgreSQL.", least=9),
        Key("database", KeyType.TEXT, "Name of the database.", default="the one in the URL"),
    ),
)
TABLES = SectionSchema(
    "tables",
    SectionShape.NAMED,
    "How many rows a table has. A table that is named here must be there.",
    "min = 1000\nat_least_of_baseline = 0.95",
    (
        Key("min", KeyType.WHOLE, "Rows at least."),
        Key("max", KeyType.WHOLE, "Rows at most."),
        Key("at_least_of_source", KeyType.NUMBER, "At least this part of the source's rows: 0.9 is 90 %."),
        Key("at_most_of_source", KeyType.NUMBER, "At most this part of the source's rows."),
        Key("at_least_of_baseline", KeyType.NUMBER, "At least this part of the baseline's rows."),
        Key("at_most_of_baseline", KeyType.NUMBER, "At most this part of the baseline's rows."),
    ),
    any_of=RANGE,
    names="users",
)
MUST_EXIST = SectionSchema(
    "must_exist",
    SectionShape.LIST,
    "A row that must be there.",
    'table = "users"\nkey = { id = "known-user-id" }',
    (TABLE, ROW),
)
MUST_NOT_EXIST = SectionSchema(
    "must_not_exist",
    SectionShape.LIST,
    "A row that must be gone, for example one that the incident wrote.",
    'table = "users"\nkey = { email = "attacker@example.org" }',
    (TABLE, ROW),
)
FRESHNESS = SectionSchema(
    "freshness",
    SectionShape.LIST,
    "The newest value of a column lies in [T - tolerance, T + ahead], T the restore point. A timestamp without time "
    "zone is taken as UTC.",
    'table = "transactions"\ncolumn = "created_at"\ntolerance_seconds = 300',
    (
        TABLE,
        COLUMN,
        Key("tolerance_seconds", KeyType.NUMBER, "How much older than T the newest value may be.", required=True),
        Key(
            "ahead_seconds",
            KeyType.NUMBER,
            "How much newer, where applications write their own clock's time.",
            default="0",
        ),
    ),
)
MIGRATIONS = SectionSchema(
    "migrations",
    SectionShape.SECTION,
    "Prisma's migrations: all finished, none rolled back, and these applied.",
    'directory = "prisma/migrations"',
    (
        Key("table", KeyType.TABLE, "Prisma's table.", default="_prisma_migrations"),
        Key("last", KeyType.TEXT, "Name of the one that was applied last."),
        Key("applied", KeyType.TEXTS, "Exactly these are applied.", least=1),
        Key(
            "directory",
            KeyType.TEXT,
            "Prisma's folder of migrations, relative to this file: exactly those in it are applied, and the checksums "
            "are theirs. Instead of `applied`.",
        ),
    ),
)
NOT_NULL = SectionSchema(
    "not_null",
    SectionShape.LIST,
    "Columns in which every row has a value.",
    'table = "users"\ncolumns = ["email"]',
    (TABLE, Key("columns", KeyType.TEXTS, "Names of the columns.", required=True, least=1)),
)
SETTINGS = SectionSchema(
    "settings",
    SectionShape.VALUES,
    'Settings of the server, as SHOW prints them or in the unit of pg_settings: `"200"`, `"64MB"`, `true` for on.',
    'max_connections = 200\n"rds.force_ssl" = true',
    values=KeyType.PLAIN,
)
EXTENSIONS = SectionSchema(
    "extensions",
    SectionShape.VALUES,
    'Extensions that must be there, with their version in quotes or "any".',
    'pgcrypto = "1.3"\npg_stat_statements = "any"',
)
ROLES = SectionSchema(
    "roles",
    SectionShape.NAMED,
    "Roles that must be there, and what they may do. What isn't written may be either way.",
    'login = true\nsuperuser = false\nmay = ["SELECT, INSERT ON users"]\nmay_not = ["TRUNCATE ON users"]',
    (
        Key("login", KeyType.BOOLEAN, "May log in."),
        Key("superuser", KeyType.BOOLEAN, "Is a superuser."),
        Key("create_database", KeyType.BOOLEAN, "May create databases."),
        Key("create_role", KeyType.BOOLEAN, "May create roles."),
        Key("replication", KeyType.BOOLEAN, "May replicate."),
        Key("bypass_rls", KeyType.BOOLEAN, "Sees rows that policies hide."),
        Key("member_of", KeyType.TEXTS, "Roles it is a member of, directly or through others."),
        Key("may", KeyType.PRIVILEGES, f"Privileges it has, itself or through others. {MAY}"),
        Key("may_not", KeyType.PRIVILEGES, "Privileges it must not have."),
    ),
    names="ghost_app",
)
LIMITS = SectionSchema(
    "limits",
    SectionShape.SECTION,
    "How long a run may take.",
    "statement_seconds = 300\nbudget_seconds = 1800\nworkers = 4",
    (
        Key(
            "statement_seconds",
            KeyType.NUMBER,
            "For one statement.",
            above=True,
            default=f"{STANDARD.statement_seconds:g}",
        ),
        Key(
            "budget_seconds",
            KeyType.NUMBER,
            "For the whole run; what is left then is INCONCLUSIVE.",
            above=True,
            default=f"{STANDARD.budget_seconds:g}",
        ),
        Key(
            "workers",
            KeyType.WHOLE,
            "Sessions that read side by side, each with one process of the server.",
            least=1,
            default=str(STANDARD.workers),
        ),
    ),
)

TOP = (REQUIRED, SQL_CHECKS)
PARTS = (
    SERVER,
    TABLES,
    MUST_EXIST,
    MUST_NOT_EXIST,
    FRESHNESS,
    MIGRATIONS,
    NOT_NULL,
    SETTINGS,
    EXTENSIONS,
    ROLES,
    LIMITS,
)
