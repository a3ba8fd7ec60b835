"""Comparing buckets and rows without a server, and saying what was found without saying too much."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from validation.baseline.model import Baseline, TableState
from validation.expectations.table_names import Table
from validation.loss import (
    LossReport,
    RowSet,
    Status,
    TableLoss,
    as_json,
    as_text,
    compare_with_baseline,
    write_headline,
)
from validation.loss.buckets import compare_rows, read_buckets, split_buckets
from validation.loss.comparability import Column, TableShape, choose_timestamp, pair_tables
from validation.loss.key_ranges import Ranges
from validation.loss.model import Difference, Precision, Writing
from validation.loss.render import format_instant
from validation.loss.tables import choose_buckets_per_range, draw_buckets
from validation.sql.queries import render_text

KEY = Column("id", "bigint")


def bucket(number: int, rows: int, hash_: int) -> dict[str, Any]:
    return {
        "bucket": number,
        "rows": rows,
        "hash": Decimal(hash_),
        "oldest": Decimal(number),
        "newest": Decimal(number),
    }


def row(key: int, hash_: int = 0, copies: int = 1) -> dict[str, Any]:
    at = Decimal(key)
    return {"bucket": key // 4, "key": f'["{key}"]', "hash": hash_, "copies": copies, "oldest": at, "newest": at}


def counts(difference: Difference) -> tuple[int, int, int]:
    return difference.lost.rows, difference.brought_back.rows, difference.differing.rows


def test_cells_with_as_many_rows_but_other_ones_are_looked_at() -> None:
    found = split_buckets(
        read_buckets([bucket(0, 5, 1), bucket(1, 5, 1), bucket(2, 3, 7)]),
        read_buckets([bucket(0, 5, 1), bucket(1, 5, 2), bucket(3, 4, 9)]),
    )
    assert found.mixed == {1: 5}
    assert (found.lost, found.brought_back) == ((2,), (3,))
    assert counts(found.difference) == (3, 4, 0)


def test_what_numbers_of_rows_alone_prove_is_kept_for_when_time_is_up() -> None:
    found = split_buckets(
        read_buckets([bucket(0, 9, 1), bucket(1, 2, 1)]), read_buckets([bucket(0, 5, 2), bucket(1, 8, 2)])
    )
    assert counts(found.at_least) == (4, 6, 0)


@pytest.mark.parametrize("seed", range(20))
def test_merging_finds_what_comparing_two_dicts_finds(seed: int) -> None:
    chance = random.Random(seed)
    here, there = ({n: chance.randrange(2) for n in range(40) if chance.random() < 0.7} for _ in range(2))
    ours, theirs = ([row(n, hash_) for n, hash_ in side.items()] for side in (here, there))
    lost, brought_back = here.keys() - there.keys(), there.keys() - here.keys()
    differ = {n for n in here.keys() & there.keys() if here[n] != there[n]}
    found = compare_rows(ours, theirs, ["id"])
    assert counts(found) == (len(lost), len(brought_back), len(differ))
    assert {int(str(one["id"])) for one in found.lost.examples} <= lost
    if lost:
        assert (found.lost.oldest, found.lost.newest) == (min(lost), max(lost))


def test_a_row_that_is_there_more_often_on_one_side_is_that_often_lost() -> None:
    assert counts(compare_rows([row(1, 7, 3), row(2, 8, 1)], [row(1, 7, 1), row(2, 8, 4)], ())) == (2, 3, 0)


def test_two_rows_of_one_key_that_a_damaged_index_let_in_are_no_single_row() -> None:
    assert counts(compare_rows([row(1, 7), row(1, 7)], [row(1, 7)], ["id"])) == (1, 0, 0)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([0], '("t"."id" < \'10\'::bigint)'),
        ([1, 2], '("t"."id" >= \'10\'::bigint and "t"."id" < \'30\'::bigint)'),
        ([0, 3], '("t"."id" < \'10\'::bigint) or ("t"."id" >= \'30\'::bigint)'),
    ],
)
def test_ranges_are_bounded_so_that_no_row_lies_in_two_or_none(wanted: Sequence[int], expected: str) -> None:
    assert render_text(Ranges(KEY, ("10", "20", "30")).compose_condition(wanted)) == f"({expected})"


def test_keys_that_collations_order_differently_are_cut_by_their_bytes() -> None:
    number = render_text(Ranges(Column("id", "text"), ("a", "b")).number)
    assert number.startswith('width_bucket(("t"."id"::text collate "C"), ')


def test_a_sample_is_drawn_only_where_there_is_too_much_and_always_the_same() -> None:
    buckets = dict.fromkeys(range(1000), 100)
    assert draw_buckets(buckets, 100_000) == tuple(range(1000))
    assert len(draw_buckets(buckets, 10_000)) == 100
    assert draw_buckets(buckets, 10_000) == draw_buckets(buckets, 10_000)


def test_buckets_stay_small_and_few_enough_to_send() -> None:
    assert choose_buckets_per_range({0: 2_000}) == 1
    assert choose_buckets_per_range({0: 6_400}) == 64
    everything = dict.fromkeys(range(256), 1 << 22)
    assert choose_buckets_per_range(everything) * len(everything) <= 1 << 15


def shape(name: str = "users", **changes: Any) -> TableShape:
    columns = {"id": "bigint", "email": "text", "seen": "date", "Created_At": "timestamp with time zone"}
    return replace(TableShape(Table("public", name), False, False, 10, 1, columns, ("id",)), **changes)


def test_columns_that_differ_between_the_sides_are_said_and_the_others_compared() -> None:
    candidate = shape(columns={"id": "integer", "email": "text", "Created_At": "date", "extra": "text"})
    found = pair_tables(shape(), candidate, {})
    assert found.columns == (Column("id", None), Column("email", "text"), Column("Created_At", None))
    assert found.notes == (
        "only the source has column seen: not compared",
        "only the candidate has column extra: not compared",
        "column id is bigint and integer: compared as text",
        "column Created_At is timestamp with time zone and date: compared as text",
    )


@pytest.mark.parametrize(("source", "candidate"), [(("id",), ()), ((), ("id",)), (("id",), ("email",))])
def test_a_key_of_one_side_alone_tells_no_rows_apart(source: tuple[str, ...], candidate: tuple[str, ...]) -> None:
    assert pair_tables(shape(key=source), shape(key=candidate), {}).key == ()


def test_the_age_of_rows_is_taken_from_the_column_that_says_when_they_came() -> None:
    columns = [Column(name, kind) for name, kind in shape().columns.items()]
    assert choose_timestamp(columns, None) == "Created_At"
    assert choose_timestamp(columns, "seen") == "seen"
    assert choose_timestamp(columns, "email") == "Created_At"
    assert choose_timestamp([KEY], None) is None


def report(*tables: TableLoss, **changes: Any) -> LossReport:
    return replace(LossReport(tables, "old", "new", Decimal(0), Decimal(0)), **changes)


LOST = TableLoss(
    "public.users", Status.DIFFERENT, source_rows=5, candidate_rows=3,
    difference=Difference(RowSet(2, Decimal(60), Decimal("Infinity"), ({"id": "a\x1b[2Jb"},))), timestamp="at",
)  # fmt: skip
EQUAL = TableLoss("public.pairs", Status.EQUAL, source_rows=1, candidate_rows=1)
UNKNOWN = TableLoss("public.big", Status.UNKNOWN, Precision.ESTIMATED, notes=("not compared: too slow",))


@pytest.mark.parametrize(
    ("tables", "status", "said"),
    [
        ((EQUAL,), Status.EQUAL, "a switch loses nothing: 1 table compared, all equal row by row"),
        ((EQUAL, UNKNOWN), Status.UNKNOWN, "no lost or changed row was found; 1 table not compared"),
        ((LOST, EQUAL), Status.DIFFERENT, "a switch loses 2 rows of public.users, brings back 0, changes 0"),
        (
            (LOST, UNKNOWN),
            Status.DIFFERENT,
            "a switch loses 2 rows of public.users, brings back 0, changes 0; 1 table not compared",
        ),
        (
            (replace(LOST, precision=Precision.ESTIMATED), EQUAL),
            Status.DIFFERENT,
            "a switch loses about 2 rows of public.users, brings back 0, changes 0",
        ),
        ((), Status.UNKNOWN, "no lost or changed row was found"),
    ],
)  # fmt: skip
def test_what_was_not_compared_is_never_called_equal(tables: tuple[TableLoss, ...], status: Status, said: str) -> None:
    found = report(*tables)
    assert (found.status, write_headline(found)) == (status, said)


def test_a_report_that_could_not_be_made_says_why() -> None:
    found = report(problems=("source: refused",), fix="start it")
    assert write_headline(found) == "what a switch loses is unknown: source: refused"
    said = as_text(found)
    assert said.startswith("UNKNOWN  what a switch loses is unknown: source: refused")
    assert "start it" in said
    assert "counts" not in said


def test_the_text_tells_times_and_keys_and_lets_no_control_character_through() -> None:
    said = as_text(report(LOST, EQUAL, writing=Writing(3, 0, 1)))
    assert "2 rows, at 1970-01-01T00:01:00Z to infinity" in said
    assert "id=a\\x1b[2Jb" in said
    assert "the source is still written to: what came after 1970-01-01T00:00:00Z" in " ".join(said.split())


def test_only_so_many_tables_are_shown_those_that_lose_most_first() -> None:
    small = replace(LOST, table="public.small", difference=Difference(RowSet(1)))
    said = as_text(report(small, LOST, UNKNOWN), most=1)
    assert "public.users" in said
    assert "public.small" not in said
    assert "2 more tables that differ or are unknown: see the evidence" in said


def test_the_evidence_holds_every_part_of_every_table() -> None:
    found = as_json(report(LOST, EQUAL))
    assert found["lost"] == {"rows": 2, "oldest": "1970-01-01T00:01:00Z", "newest": "infinity", "examples": []}
    assert [one["status"] for one in found["tables"]] == ["different", "equal"]
    assert found["tables"][0]["lost"]["examples"] == [{"id": "a\x1b[2Jb"}]


@pytest.mark.parametrize(
    ("epoch", "said"), [("-Infinity", "-infinity"), ("9e15", "9E+15 s"), ("0.5", "1970-01-01T00:00:00.500000Z")]
)
def test_a_time_beyond_every_calendar_is_still_told(epoch: str, said: str) -> None:
    assert format_instant(Decimal(epoch)) == said


def test_against_a_baseline_counts_are_estimates_and_nothing_is_equal() -> None:
    found = compare_with_baseline(baseline(a=5, b=1, c=2), baseline(a=3, b=1, d=4))
    assert Counter(table.status for table in found.tables) == {Status.DIFFERENT: 3, Status.UNKNOWN: 1}
    assert {table.precision for table in found.tables} == {Precision.ESTIMATED}
    assert counts(found.total) == (4, 4, 0)


def test_a_newest_row_that_is_older_than_in_the_baseline_is_said_though_as_many_rows_are_there() -> None:
    found = compare_with_baseline(baseline(10, a=5), baseline(9, a=5))
    assert found.status is Status.DIFFERENT
    assert "no table has fewer rows, the newest rows of 1 table are older" in write_headline(found)
    said = " ".join(as_text(found).split())
    assert "older at up to 1970-01-01T00:00:09Z, in the baseline 1970-01-01T00:00:10Z" in said


def test_what_is_estimated_by_a_baseline_says_so_and_takes_nothing_for_brought_back() -> None:
    found = compare_with_baseline(baseline(10, a=5, b=1, c=2, e=1), baseline(20, a=3, b=1, d=4, e=3))
    assert write_headline(found) == (
        "only estimated, by the baseline of shop, taken 1970-01-01 00:00:10 UTC: 4 rows fewer in 2 tables, "
        "6 more in 2 tables, 1 table missing; what was written after it is not counted"
    )
    said = " ".join(as_text(found).split())
    assert "public.a (5 rows in the baseline, 3 in the candidate) fewer 2 rows" in said
    assert "public.e (1 rows in the baseline, 3 in the candidate) more 2 rows" in said
    assert not [word for word in ("brought back", "brings back", " lost", "equal 1") if word in said]
    assert said.count("don't show") == 1


def test_tables_that_a_baseline_can_tell_no_difference_of_are_not_called_equal() -> None:
    said = as_text(compare_with_baseline(baseline(10, a=5, b=1), baseline(10, a=5, b=1)))
    assert said.startswith("UNKNOWN  only estimated, by the baseline of shop")
    assert "as many rows    2 tables, 6 rows" in said


def baseline(newest: int = 0, **rows: int) -> Baseline:
    at = datetime.fromtimestamp(newest, UTC)
    tables = {Table("public", name): TableState(count, 1, {"at": at}) for name, count in rows.items()}
    return Baseline(at, "shop", "17", tables)
