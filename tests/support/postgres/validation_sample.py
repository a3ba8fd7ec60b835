"""What the sample should hold, and short forms of running and reading a validation."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import validation
from tests.support.postgres.scratch_server import PASSWORD, Database
from validation import CheckResult, RunOptions, ValidationReport, Verdict, from_mapping, run
from validation.connect.query_runner import Budget, ask_all
from validation.connect.session import connect
from validation.connect.target import Target
from validation.schema.snapshot import SchemaSnapshot, build_questions, read

FAIL, INCONCLUSIVE = Verdict.FAIL, Verdict.INCONCLUSIVE
AT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
ODD = '"odd.schema %s"."100% ""table"" {x}; --"'
FOLDER = Path(validation.__file__).parent / "selftest"
EXPECTED: Mapping[str, Any] = tomllib.loads((FOLDER / "checks.toml").read_text())


def validate(database: Database | Target, **changed: Any) -> ValidationReport:
    """Runs the sample's expectations, with sections replaced; `schema` is what the schema is held against."""
    schema: SchemaSnapshot | None = changed.pop("schema", None)
    target = database.target if isinstance(database, Database) else database
    return run(target, from_mapping({**EXPECTED, **changed}), RunOptions(restore_point=AT, schema=schema))


def wrong(report: ValidationReport) -> dict[str, Verdict]:
    return {r.name: r.verdict for r in report.results if r.verdict is not Verdict.PASS}


def the(report: ValidationReport, name: str) -> CheckResult:
    return next(r for r in report.results if r.name == name)


def schema_of(database: Database) -> SchemaSnapshot:
    session = connect(database.target)
    try:
        return read(ask_all(session, build_questions(), Budget(60, time.monotonic() + 60)))
    finally:
        session.close()


def url(database: Database) -> str:
    """As an application's secret has it, with parameters that libpq doesn't know."""
    place = f"{database.server.host}:{database.server.port}/{database.name}"
    return f"postgresql://postgres:{quote(PASSWORD, safe='')}@{place}?schema=public&pgbouncer=true&sslmode=disable"
