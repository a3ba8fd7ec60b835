"""Rows that a carry leaves behind are told so that somebody can act at once."""

from __future__ import annotations

import shlex

from restore.rescue.model import Apart, Reason
from restore.rescue.render import render_apart
from validation.expectations.table_names import Table

ORDERS = Table("public", "orders")
LINES = Table("public", "lines")
NEW = Apart(ORDERS, Reason.NEW, ("id",), tuple(f'["{n}"]' for n in range(201, 213)))


def test_rows_left_behind_are_counted_and_named_and_the_page_says_what_to_do() -> None:
    text = render_apart((NEW,), "db-inc-1")
    assert "12 rows were not carried, db-inc-1 has them:" in text
    assert 'id: ["201"] ["202"] ["203"] ["204"] ["205"] and 7 more' in text
    assert "docs/rescue.md" in text
    assert "python -m restore rescue" not in text, "it would overwrite another row"
    assert render_apart((), "db-inc-1") == ""


def test_without_evidence_every_key_is_printed() -> None:
    assert '["212"]' in render_apart((NEW,), "db-inc-1", None)


def test_the_command_for_a_row_that_both_changed_names_that_row_alone() -> None:
    changed = Apart(LINES, Reason.CHANGED, ("order_id", "a b"), ('["7", "it\'s"]',))
    words = shlex.split(render_apart((changed,), "db-inc-1").splitlines()[-1])
    assert words[words.index("--where") + 1] == """("order_id", "a b") IN (('7', 'it''s'))"""
    assert words[words.index("--table") + 1] == "public.lines"
