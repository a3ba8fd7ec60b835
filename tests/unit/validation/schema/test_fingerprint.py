"""Two schemas differ where they differ, and a person can read where."""

from __future__ import annotations

from validation.connect.query import Answer, Side, Unanswered
from validation.schema import snapshot
from validation.schema.snapshot import ChangeKind, SchemaSnapshot, as_text, diff
from validation.verdict import Verdict

ONE = SchemaSnapshot({"tables": {"public.a": "table", "public.b": "table"}, "views": {"public.v": "view, select 1"}})
TWO = SchemaSnapshot({"tables": {"public.b": "table, unlogged", "public.c": "table"}, "views": ONE.sections["views"]})


def test_what_is_missing_extra_and_changed_is_told_apart() -> None:
    changes = diff(ONE, TWO)
    assert [(c.identity, c.kind) for c in changes] == [
        ("public.a", ChangeKind.MISSING),
        ("public.b", ChangeKind.CHANGED),
        ("public.c", ChangeKind.EXTRA),
    ]
    assert as_text(changes).splitlines() == [
        "tables:",
        "  public.a missing: `table`",
        "  public.b changed: wanted `table`, found `table, unlogged`",
        "  public.c extra: `table`",
    ]
    assert (diff(ONE, ONE), as_text(())) == ((), "")


def test_a_long_definition_is_shown_where_it_differs() -> None:
    body = "x" * 500
    (change,) = diff(SchemaSnapshot({"views": {"v": body + "one"}}), SchemaSnapshot({"views": {"v": body + "two"}}))
    assert str(change).count("one") == str(change).count("two") == 1
    assert len(str(change)) < 300


def test_the_digest_is_of_the_content_and_outlives_json() -> None:
    shuffled = SchemaSnapshot(
        {name: dict(sorted(ONE.sections[name].items(), reverse=True)) for name in ("views", "tables")}
    )
    assert ONE.digest == shuffled.digest == SchemaSnapshot.from_json(ONE.as_json()).digest != TWO.digest


def test_a_section_that_was_not_read_is_no_empty_section() -> None:
    silent = Unanswered(Verdict.INCONCLUSIVE, "timeout", "again")
    answers = {
        "candidate:schema:tables": Answer(({"items": {"public.a": "table"}},)),
        "candidate:schema:views": silent,
        "source:schema:tables": Answer(({"items": {}},)),
    }
    assert snapshot.read(answers).sections == {"tables": {"public.a": "table"}}
    assert snapshot.read(answers, Side.SOURCE).sections == {"tables": {}}
