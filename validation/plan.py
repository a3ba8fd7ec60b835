"""Catalogs and expectations in, checks out, in the order in which the report lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from validation.baseline.model import Baseline, BaselineError
from validation.catalog import Catalog
from validation.checks import before, existing, migrations, queried, roles, rows, schema, server, settings, structure
from validation.checks.queried import Surroundings
from validation.expected import DECLARABLE, Expectations
from validation.fingerprint import Fingerprint
from validation.questions import Check, inconclusive, settled
from validation.sqlchecks import built_in
from validation.target import Target


def checks(
    target: Target,
    catalog: Catalog,
    expectations: Expectations,
    source: Catalog | None,
    restore_point: datetime | None,
    version: int,
    baseline: Baseline | BaselineError | None = None,
    wanted_schema: Fingerprint | None = None,
) -> tuple[Check, ...]:
    """All checks of a run whose servers could be reached; `version` is the candidate's major one."""
    scans = rows.scans(catalog, expectations)
    before_all = before.fitting(baseline, restore_point)
    if wanted_schema is None and before_all is not None:
        wanted_schema = before_all.schema
    around = Surroundings(catalog.listed, catalog.extensions, version, restore_point)
    planned = (
        server.identity(target, expectations.server),
        *([server.not_the_source()] if source is not None else []),
        *required(expectations),
        *migrations.checks(catalog, expectations.migrations),
        *existing.checks(catalog, (*expectations.must_exist, *expectations.must_not_exist)),
        *settings.settings(expectations.settings),
        *settings.extensions(expectations.extensions),
        *roles.checks(expectations.roles),
        *before.checks(scans, catalog, baseline, restore_point),
        *rows.checks(scans, expectations, source, restore_point, before_all),
        *structure.checks(catalog),
        *schema.checks(wanted_schema, source=source is not None),
        *queried.checks((*built_in(), *expectations.sql_checks), around),
    )
    return _distinct(planned)


def required(expectations: Expectations) -> Iterator[Check]:
    """A family that must be declared and isn't has proved nothing."""
    for family in expectations.required:
        if family not in expectations.declared:
            yield settled(
                f"required:{family}",
                inconclusive("nothing declared", f"a declaration for {family}", "add it to the expectations"),
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
