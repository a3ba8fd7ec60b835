"""What a live database is like, as far as a first file of expectations tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from validation.baseline.model import Baseline
from validation.baseline.record import open_reader
from validation.checks import migrations
from validation.connect.query import Question
from validation.connect.target import Target
from validation.expectations.model import PRISMA_MIGRATIONS, Limits, Role
from validation.expectations.privileges import Privilege, Scope
from validation.expectations.table_names import Table
from validation.schema.catalog import Catalog
from validation.sql.queries import query

SETTINGS = ("server_encoding", "timezone", "wal_level", "shared_preload_libraries", "rds.force_ssl")
"""Those that no restore should change and that no instance class decides."""
SCOPES = {False: (Scope.ALL_TABLES, Scope.TABLE), True: (Scope.ALL_SEQUENCES, Scope.SEQUENCE)}
EXTENSIONS = Question("installed-extensions", query("installed_extensions"))
GRANTED = Question("granted-roles", query("granted_roles"))


@dataclass(frozen=True)
class Survey:
    """`migrations` are the names of Prisma's applied ones, empty without its table."""

    baseline: Baseline
    catalog: Catalog
    migrations: tuple[str, ...]
    settings: Mapping[str, str]
    extensions: Mapping[str, str]
    roles: tuple[Role, ...]


def read_survey(target: Target, limits: Limits) -> Survey:
    """Reads every table once, and changes nothing. Raises Unread."""
    with open_reader(target, limits) as reader:
        catalog = reader.read_catalog()
        settings = Question("settings", query("settings", names=sql.Literal(list(SETTINGS))))
        applied = Question("migrations", query("migrations", table=PRISMA_MIGRATIONS.identifier))
        prisma = [applied] if _has_prisma(catalog) else []
        answers = reader.ask((settings, EXTENSIONS, GRANTED, *prisma))
        return Survey(
            reader.read_baseline(),
            catalog,
            tuple(migrations.find_applied(answers[applied.id].row["migrations"])) if prisma else (),
            {name: str(row["value"]) for name, row in sorted(answers[settings.id].row["settings"].items())},
            dict(sorted(answers[EXTENSIONS.id].row["extensions"].items())),
            tuple(read_role(row) for row in answers[GRANTED.id].row["roles"]),
        )


def _has_prisma(catalog: Catalog) -> bool:
    facts = catalog.by_name.get(PRISMA_MIGRATIONS)
    return facts is not None and all(column in facts.columns for column in migrations.COLUMNS)


def read_role(row: Mapping[str, Any]) -> Role:
    """Returns the role of a row: what the applications' login may do in the live database."""
    return Role(row["name"], login=True, superuser=False, may=tuple(_may(row)))


def _may(row: Mapping[str, Any]) -> Iterator[Privilege]:
    if row["connects"]:
        yield Privilege(("CONNECT",), Scope.DATABASE)
    for schema in row["schemas"]:
        yield Privilege(("USAGE",), Scope.SCHEMA, schema)
    for grant in row["may"]:
        whole, single = SCOPES[grant["sequences"]]
        if grant["relation"] is None:
            yield Privilege(tuple(grant["words"]), whole, grant["schema"])
        else:
            yield Privilege(tuple(grant["words"]), single, Table(grant["schema"], grant["relation"]))
