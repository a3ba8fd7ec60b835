"""Catalogs and expectations in, checks out, in the order in which the report lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from validation.checks.check import Check, build_settled, judge_inconclusive
from validation.checks.sql_files import QueryContext
from validation.connect.target import Target
from validation.expectations.model import DECLARABLE, Expectations
from validation.expectations.sql_checks import read_built_in
from validation.schema import table_scan
from validation.schema.catalog import Catalog
from validation.schema.sample import Coverage, SampleSummary, Sampling
from validation.schema.snapshot import SchemaSnapshot


def build_checks(
    target: Target,
    catalog: Catalog,
    expectations: Expectations,
    source: Catalog | None,
    restore_point: datetime | None,
    version: int,
    baseline: Baseline | BaselineError | None = None,
    wanted_schema: SchemaSnapshot | None = None,
    sampling: Sampling | None = None,
) -> tuple[Check, ...]:
    """Returns all checks of a run whose servers could be reached; `version` is the candidate's major one. With
    `sampling` only a sample of large tables is read."""
    scans = table_scan.build_scans(catalog, expectations, sampling)
    before_all = baseline_checks.fit_baseline(baseline, restore_point)
    if wanted_schema is None and before_all is not None:
        wanted_schema = before_all.schema
    around = QueryContext(catalog.listed, catalog.extensions, version, restore_point, sampling)
    planned = (
        server.build_identity(target, expectations.server),
        *([server.build_not_the_source()] if source is not None else []),
        *require_families(expectations),
        *migrations.build_checks(catalog, expectations.migrations),
        *row_presence.build_checks(catalog, (*expectations.must_exist, *expectations.must_not_exist)),
        *settings.build_setting_checks(expectations.settings),
        *settings.build_extension_checks(expectations.extensions),
        *roles.build_checks(expectations.roles),
        *baseline_checks.build_checks(scans, catalog, baseline, restore_point),
        *rows.build_checks(scans, expectations, source, restore_point, before_all, sampling),
        *integrity.build_checks(catalog, sampling),
        *schema.build_checks(wanted_schema, source=source is not None),
        *sql_files.build_checks((*read_built_in(), *expectations.sql_checks), around),
    )
    return _make_distinct(planned)


def summarize_sample(
    catalog: Catalog, checks: Sequence[Check], expectations: Expectations, version: int, sampling: Sampling
) -> SampleSummary:
    """Returns what a sample reads of large tables, and what it leaves unread."""
    scans = table_scan.build_scans(catalog, expectations, sampling)
    tables = {
        str(table): Coverage(
            sum(part.blocks for part in scan.sampled), sum(part.leaf.blocks for part in scan.sampled), scan.chance
        )
        for table, scan in sorted(scans.items())
        if scan.sampled
    }
    around = QueryContext(catalog.listed, catalog.extensions, version, sampling=sampling)
    chances = {check.name: check.chance for check in checks if check.chance < 1}
    return SampleSummary(tables, chances, sql_files.list_unread(read_built_in(), around))


def require_families(expectations: Expectations) -> Iterator[Check]:
    """Yields a check for each family that must be declared and isn't: it has proved nothing."""
    for family in expectations.required:
        if family not in expectations.declared:
            yield build_settled(
                f"required:{family}",
                judge_inconclusive("nothing declared", f"a declaration for {family}", "docs/expectations.md: add it"),
            )


def list_not_declared(expectations: Expectations) -> tuple[str, ...]:
    """Returns the families of checks for which the expectations say nothing."""
    return tuple(family for family in DECLARABLE if family not in expectations.declared)


def _make_distinct(planned: tuple[Check, ...]) -> tuple[Check, ...]:
    """Two checks of one name, such as two sequences of one column, are told apart by a number."""
    seen: dict[str, int] = {}
    named: list[Check] = []
    for check in planned:
        seen[check.name] = count = seen.get(check.name, 0) + 1
        named.append(check if count == 1 else replace(check, name=f"{check.name} ({count})"))
    return tuple(named)
