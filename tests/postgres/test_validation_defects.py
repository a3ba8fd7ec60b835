"""Each way to damage a restored database is found by the check that is named for it."""

from __future__ import annotations

from datetime import UTC, datetime

from conftest import Database

from validation import Report, Verdict, as_text, from_mapping, run

AT = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
EXPECTED = from_mapping(
    {
        "server": {"version": 17},
        "tables": {
            "users": {"min": 500, "max": 500},
            "transactions": {"min": 4000},
            '"odd.schema %s"."100% ""table"" {x}; --"': {"min": 3, "max": 3},
        },
        "must_exist": [{"table": "users", "key": {"id": "user-7"}}],
        "freshness": [
            {"table": "transactions", "column": "created_at", "tolerance_seconds": 60},
            {"table": "smart_contracts", "column": "created_at", "tolerance_seconds": 20_000},
        ],
        "migrations": {"last": "20260301000000_contracts"},
        "not_null": [
            {"table": "users", "columns": ["email"]},
            {"table": '"odd.schema %s"."100% ""table"" {x}; --"', "columns": ["col'umn {}"]},
        ],
    }
)


def validate(database: Database) -> Report:
    return run(database.target, EXPECTED, restore_point=AT)


def wrong(report: Report) -> dict[str, Verdict]:


def test_an_undamaged_database_passes(database: Database) -> None:
    report = validate(database)
    assert wrong(report) == {}, as_text(report)
    assert report.verdict is Verdict.PASS
    assert report.counts["public.users"] == 500
        print(r)
