"""A sample reads what a volume fetches at once, and says truly how likely it finds what is wrong."""

from __future__ import annotations

import pytest

from validation.expectations.table_names import Table
from validation.runner.sample_words import format_chance, tell_missed, tell_read, tell_unread, tell_verdict
from validation.schema.sample import (
    FEWEST_LOOKUPS,
    RUN,
    SMALL,
    Coverage,
    Leaf,
    Runs,
    SampleSummary,
    Sampling,
    count_for_certainty,
    count_runs,
)

TERABYTE = 10**12 // 8192
SAMPLING = Sampling("db-CANDIDATE")


def leaf(blocks: int, rows_a_block: float = 60.0, name: str = "events") -> Leaf:
    return Leaf(Table("public", name), blocks, rows_a_block)


@pytest.mark.parametrize("blocks", [0, 1, RUN, SMALL])
def test_a_small_table_is_read_to_its_end(blocks: int) -> None:
    read = SAMPLING.choose_runs(leaf(blocks))
    assert read.whole
    assert read.blocks == blocks
    assert read.chance == 1


def test_a_large_table_costs_a_twentieth_and_the_chance_is_the_part_that_is_read() -> None:
    read = SAMPLING.choose_runs(leaf(2 * TERABYTE))
    assert read.blocks <= 2 * TERABYTE / 20
    assert read.chance == pytest.approx(read.blocks / (2 * TERABYTE), rel=1e-3)


@pytest.mark.parametrize("blocks", [SMALL + 1, SMALL + RUN, 10 * SMALL])
def test_a_table_just_above_the_limit_is_never_read_beyond_its_end(blocks: int) -> None:
    read = SAMPLING.choose_runs(leaf(blocks))
    assert 0 < read.drawn < read.runs
    assert read.blocks <= blocks


def test_rows_looked_up_stay_few_because_each_may_fetch_a_run_of_its_index() -> None:
    for blocks in (10 * SMALL, TERABYTE, 2 * TERABYTE):
        looked_up = SAMPLING.choose_lookups(leaf(blocks))
        rows = looked_up.looked_up
        assert looked_up.pages >= rows * 2 * RUN
        assert rows < 2 * max(FEWEST_LOOKUPS, count_runs(blocks) // 400)
        assert rows * RUN < max(blocks / 150, 2 * FEWEST_LOOKUPS * RUN)
        assert looked_up.chance == pytest.approx(rows / (blocks * 60), rel=0.01)


def test_a_small_table_with_a_large_parent_does_not_fetch_all_of_the_parent() -> None:
    (looked_up,) = SAMPLING.share_lookups([leaf(SMALL, 100)], TERABYTE)
    rows = SMALL * 100 / looked_up.every
    assert looked_up.whole
    assert rows <= 2 * count_runs(TERABYTE) // 400
    assert looked_up.chance == 1 / looked_up.every


def test_partitions_share_the_rows_that_are_looked_up() -> None:
    parts = SAMPLING.share_lookups([leaf(10 * SMALL, name="a"), leaf(30 * SMALL, name="b")], 0)
    rows = [part.blocks * 60 / part.every for part in parts]
    assert rows[1] / rows[0] == pytest.approx(3, rel=0.2)
    assert sum(rows) < 2 * FEWEST_LOOKUPS


def test_long_values_of_a_small_table_are_sampled_too() -> None:
    assert SAMPLING.choose_values(leaf(10), 100).whole
    assert SAMPLING.choose_values(leaf(10), 100).every == 1
    assert SAMPLING.choose_values(leaf(10), TERABYTE).every == 25


def test_the_same_candidate_is_sampled_in_the_same_places_and_another_elsewhere() -> None:
    text = SAMPLING.choose_runs(leaf(TERABYTE)).compose_ranges().as_string(None)
    assert text == Sampling("db-CANDIDATE").choose_runs(leaf(TERABYTE)).compose_ranges().as_string(None)
    assert text != Sampling("db-OTHER").choose_runs(leaf(TERABYTE)).compose_ranges().as_string(None)
    assert text != SAMPLING.choose_runs(leaf(TERABYTE, name="others")).compose_ranges().as_string(None)


@pytest.mark.parametrize("chance", [0.04, 0.5, 0.001])
def test_so_many_wrong_rows_are_found_with_certainty_and_not_one_fewer(chance: float) -> None:
    count = count_for_certainty(chance)
    assert 1 - (1 - chance) ** count >= 0.99
    assert 1 - (1 - chance) ** (count - 1) < 0.99


def test_what_is_read_in_full_needs_no_more_than_one() -> None:
    assert count_for_certainty(1.0) == 1


SUMMARY = SampleSummary(
    {"public.events": Coverage(4_000, 100_000, 0.04), "public.notes": Coverage(1_000, 10_000, 0.1)},
    {"foreign-key:public.events.user": 0.00002, "toast:public.notes": 0.1},
    ("amcheck-index:public.events_pkey", "amcheck-index:public.notes_pkey", "heap-and-index:public.events"),
)


def test_the_words_name_what_was_read_what_was_not_and_what_may_be_missed() -> None:
    assert tell_verdict(SUMMARY) == "by a sample: 4.5 % of 2 large tables, all of the others"
    assert "41.0 MB of 901.1 MB" in tell_read(SUMMARY)
    assert "amcheck-index 2, heap-and-index 1" in tell_unread(SUMMARY)
    missed = "\n".join(tell_missed(SUMMARY))
    assert (
        "one in public.events is found with probability 4.0 %, of 113 spread over it at least one with 99 %" in missed
    )
    assert "foreign-key:public.events.user, is found with probability 0.0020 %" in missed


def test_a_sample_of_small_tables_alone_is_told_as_all_of_them() -> None:
    summary = SampleSummary({}, {}, ())
    assert tell_verdict(summary) == "by a sample that is all of it"
    assert tell_missed(summary) == ()
    assert tell_unread(summary) == ""


@pytest.mark.parametrize(
    ("chance", "text"), [(1, "100 %"), (0.154, "15 %"), (0.04, "4.0 %"), (0.0033, "0.33 %"), (1e-6, "0.000100 %")]
)
def test_small_probabilities_are_never_rounded_to_nothing(chance: float, text: str) -> None:
    assert format_chance(chance) == text


def test_runs_without_a_draw_are_the_whole_file() -> None:
    assert Runs(leaf(100), 2).blocks == 100
