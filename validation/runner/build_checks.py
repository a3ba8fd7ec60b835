"""Catalogs and expectations in, checks out, in the order in which the report lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from validation.baseline.model import Baseline, BaselineError
from validation.checks import baseline as baseline_checks
from validation.checks import (
    integrity,
    migrations,
    roles,
    row_presence,
    rows,
    schema,
    server,
    settings,
    sql_files,
)
from validation.checks.check import Check, inconclusive, settled
from validation.checks.sql_files import QueryContext
from validation.connect.target import Target
from validation.expectations.model import DECLARABLE, Expectations
from validation.expectations.sql_checks import built_in
from validation.schema import table_scan
from validation.schema.catalog import Catalog
from validation.schema.snapshot import SchemaSnapshot


def checks(
    target: Target,
    catalog: Catalog,
    expectations: Expectations,
    source: Catalog | None,
    restore_point: datetime | None,
    version: int,
    baseline: Baseline | BaselineError | None = None,
    wanted_schema: SchemaSnapshot | None = None,
) -> tuple[Check, ...]:
    """All checks of a run whose servers could be reached; `version` is the candidate's major one."""
    scans = table_scan.scans(catalog, expectations)
    before_all = baseline_checks.fitting(baseline, restore_point)
    if wanted_schema is None and before_all is not None:
        wanted_schema = before_all.schema
    around = QueryContext(catalog.listed, catalog.extensions, version, restore_point)
    planned = (
        server.identity(target, expectations.server),
        *([server.not_the_source()] if source is not None else []),
        *required(expectations),
        *migrations.checks(catalog, expectations.migrations),
        *row_presence.checks(catalog, (*expectations.must_exist, *expectations.must_not_exist)),
        *settings.settings(expectations.settings),
        *settings.extensions(expectations.extensions),
        *roles.checks(expectations.roles),
        *baseline_checks.checks(scans, catalog, baseline, restore_point),
        *rows.checks(scans, expectations, source, restore_point, before_all),
        *integrity.checks(catalog),
        *schema.checks(wanted_schema, source=source is not None),
        *sql_files.checks((*built_in(), *expectations.sql_checks), around),
    )
    return _distinct(planned)


def required(expectations: Expectations) -> Iterator[Check]:
    """A family that must be declared and isn't has proved nothing."""
    for family in expectations.required:
        if family not in expectations.declared:
            yield settled(
                f"required:{family}",
                inconclusive("nothing declared", f"a declaration for {family}", "docs/expectations.md: add it"),
            )


def not_declared(expectations: Expectations) -> tuple[str, ...]:
    return tuple(family for family in DECLARABLE if family not in expectations.declared)


def _distinct(planned: tuple[Check, ...]) -> tuple[Check, ...]:
    """Two checks of one name, such as two sequences of one column, are told apart by a number."""
    seen: dict[str, int] = {}
    named: list[Check] = []
    for check in planned:
        seen[check.name] = count = seen.get(check.name, 0) + 1
        named.append(check if count == 1 else replace(check, name=f"{check.name} ({count})"))
    return tuple(named)
