"""Rows that the way back has left in the candidate are seen by who closes, or retires it."""

from __future__ import annotations

from typing import Any

from restore.cli.rescue import describe_apart
from restore.report import terminal
from restore.rescue.model import Apart, Reason
from tests.support.report_records import record, run, shown
from validation.expectations.table_names import Table

ORDERS = describe_apart(Apart(Table("public", "orders"), Reason.NEW, ("id",), ('["201"]', '["202"]')))
CARRIED: dict[str, Any] = {
    "began": "2026-11-22T15:00:00Z",
    "into": "db-1",
    "from": "db-2",
    "command": "c",
    "tables": [],
}


def test_what_was_not_carried_is_in_the_report() -> None:
    text = terminal.render(shown([run(0), record("rescue", 5, {**CARRIED, "apart": [ORDERS]})]), color=False)
    assert "public.orders: 2 rows (new on both sides" in " ".join(text.split())


def test_a_later_carry_that_left_nothing_is_the_newest_word() -> None:
    evidence = [
        run(0),
        record("rescue", 5, {**CARRIED, "apart": [ORDERS]}),
        record("rescue", 6, {**CARRIED, "apart": []}),
        record("rescue", 7, CARRIED),
    ]
    assert "public.orders" not in terminal.render(shown(evidence), color=False)
