"""What a baseline holds of the checks that judge a database alone: what they find wrong when all is well."""

from __future__ import annotations

from validation.baseline.faults import FaultList
from validation.checks import integrity, migrations, sql_files
from validation.checks.sql_files import QueryContext
from validation.expectations.sql_checks import read_built_in
from validation.schema.catalog import Catalog


def list_fault_lists(catalog: Catalog, version: int) -> tuple[FaultList, ...]:
    """Returns all that are cheap enough to be asked of a live database every night; `version` is the major one."""
    asked_once = [check for check in read_built_in() if check.each is None]
    planned = (
        *migrations.build_checks(catalog, None),
        *integrity.build_checks(catalog),
        *sql_files.build_checks(asked_once, QueryContext({}, catalog.extensions, version)),
    )
    return tuple(check.faults for check in planned if check.faults is not None and check.faults.recorded)
