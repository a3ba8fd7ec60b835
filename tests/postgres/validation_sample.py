"""What the sample should hold, and short forms of running and reading a validation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scratch_server import Database

from validation import CheckResult, Report, Verdict, from_mapping, run
from validation.target import Target

FAIL, INCONCLUSIVE = Verdict.FAIL, Verdict.INCONCLUSIVE
AT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
ODD = '"odd.schema %s"."100% ""table"" {x}; --"'
EXPECTED: Mapping[str, Any] = {
    "server": {"version": 17},
    "tables": {
        "users": {"min": 500, "max": 500},
        "transactions": {"min": 4000},
        ODD: {"min": 3, "max": 3},
    },
    "must_exist": [{"table": "users", "key": {"id": "user-7"}}],
    "freshness": [
        {"table": "transactions", "column": "created_at", "tolerance_seconds": 60},
        {"table": "smart_contracts", "column": "created_at", "tolerance_seconds": 20_000},
    ],
    "migrations": {"last": "20260301000000_contracts"},
    "not_null": [
        {"table": "users", "columns": ["email"]},
        {"table": ODD, "columns": ["col'umn {}"]},
    ],
}


def validate(database: Database | Target, **changed: Any) -> Report:
    """Runs the sample's expectations, with sections replaced."""
    target = database.target if isinstance(database, Database) else database
    return run(target, from_mapping({**EXPECTED, **changed}), restore_point=AT)


def wrong(report: Report) -> dict[str, Verdict]:
    return {r.name: r.verdict for r in report.results if r.verdict is not Verdict.PASS}


def the(report: Report, name: str) -> CheckResult:
    return next(r for r in report.results if r.name == name)
