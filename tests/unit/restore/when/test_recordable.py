"""Silence is never taken for "it did not happen"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from restore.when.model import Period, Reach
from restore.when.recordable import describe_files, describe_statements

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
PERIOD = Period(NOW - timedelta(hours=1), NOW)
YES, NO = Reach.RECORDED, Reach.NOT_RECORDED
PGAUDIT = {"shared_preload_libraries": "pg_stat_statements, pgaudit"}


@pytest.mark.parametrize(
    ("parameters", "writes", "definitions"),
    [
        ({}, NO, NO),
        ({"log_statement": "ddl"}, NO, YES),
        ({"log_statement": "mod"}, YES, YES),
        ({"log_statement": "all"}, YES, YES),
        ({"log_min_duration_statement": "0"}, YES, YES),
        ({"log_min_duration_statement": "1000"}, NO, NO),
        ({"pgaudit.log": "all"}, NO, NO),
        ({**PGAUDIT, "pgaudit.log": "write, ddl"}, YES, YES),
        ({**PGAUDIT, "pgaudit.log": "all, -write"}, NO, YES),
        ({**PGAUDIT, "pgaudit.log": "read"}, NO, NO),
        ({"log_min_duration_statement": "{whatever}"}, NO, NO),
    ],
)
def test_what_the_parameters_leave_out_is_said(parameters: dict[str, str], writes: Reach, definitions: Reach) -> None:
    assert [coverage.reach for coverage in describe_statements(parameters)] == [writes, definitions]


def test_a_threshold_says_what_it_leaves_out() -> None:
    assert "1000 ms: only what took" in describe_statements({"log_min_duration_statement": "1000"})[0].text


def test_files_that_were_deleted_are_looked_for_in_cloudwatch() -> None:
    early = Period(NOW - timedelta(days=4), NOW)
    exported = describe_files({}, ("postgresql",), "shop", early, NOW)
    assert exported.reach is NO
    assert "aws logs filter-log-events --log-group-name /aws/rds/instance/shop/postgresql" in exported.text
    assert "not exported" in describe_files({}, (), "shop", early, NOW).text
    assert describe_files({}, (), "shop", PERIOD, NOW).reach is YES
    assert describe_files({"rds.log_retention_period": "30"}, (), "shop", PERIOD, NOW).reach is NO
