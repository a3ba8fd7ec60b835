"""A large database has the time that it needs, and what was declared wins."""

from __future__ import annotations

import pytest
from psycopg import sql

from validation.connect.query import Question
from validation.connect.query_runner import Budget
from validation.expectations.model import BUDGET_SECONDS, Limits
from validation.runner.limits import (
    BLOCK,
    FRESH_RATE,
    allow_budget,
    allow_for_size,
    describe_reading,
    estimate_fetched_bytes,
    estimate_page_seconds,
    estimate_seconds,
    format_duration,
)
from validation.verdict import Depth

TERABYTE = 10**12
PAGES = TERABYTE // BLOCK + 1
HOUR = 3600


def scan(pages: int) -> Question:
    return Question("scan:t", sql.SQL("select 1").format(), cost=pages)


def test_reading_all_of_a_terabyte_is_never_cut_off_on_a_fresh_volume() -> None:
    needed = estimate_seconds(2 * TERABYTE)
    assert needed > 9 * HOUR
    assert allow_budget(Limits(), [scan(PAGES)] * 5, PAGES, Depth.FULL) > 2 * needed
    assert allow_for_size(2 * TERABYTE, Depth.FULL) > 2 * needed


def test_a_statement_has_the_time_that_its_table_needs() -> None:
    budget = Budget(300, 0, page_seconds=estimate_page_seconds(Limits(), 4))
    assert budget.allow(scan(0)) == 300
    assert budget.allow(scan(PAGES)) > 2 * 4 * TERABYTE / FRESH_RATE, "four sessions share the volume"


def test_what_is_declared_wins_over_the_size() -> None:
    assert estimate_page_seconds(Limits(statement_seconds=5), 4) == 0
    assert allow_budget(Limits(budget_seconds=60), [scan(PAGES)], PAGES, Depth.FULL) == 60


def test_a_small_database_has_the_time_it_always_had() -> None:
    assert allow_budget(Limits(), [scan(10)], 10, Depth.FULL) == pytest.approx(BUDGET_SECONDS, abs=1)


def test_a_sample_fetches_a_tenth_at_most_and_a_small_database_as_a_whole() -> None:
    assert estimate_fetched_bytes(2 * TERABYTE, Depth.SAMPLE) <= 0.101 * 2 * TERABYTE
    assert estimate_fetched_bytes(10**8, Depth.SAMPLE) == 10**8
    assert estimate_fetched_bytes(TERABYTE, Depth.FULL) == TERABYTE


def test_what_is_going_to_be_read_is_told_with_how_long_it_takes() -> None:
    told = describe_reading([scan(PAGES)] * 5, PAGES, Depth.FULL, reused=0)
    assert told == ("depth full: tables of 1.0 TB; up to 2.0 TB to fetch, about 10.0 h where the volume is fresh")
    assert describe_reading([], PAGES, Depth.FULL, reused=7).endswith("; 7 answers of an earlier run still hold")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (89, "89 s"), (600, "10 min"), (36_000, "10.0 h")])
def test_durations_are_told_in_units_that_people_count_in(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
