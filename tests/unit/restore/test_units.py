"""Times, durations and sizes are said in one way everywhere, and never rounded into something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from restore.units import format_duration, format_moment, format_precise_duration, format_size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (45, "45 s"),
        (59.7, "1 min"),
        (300, "5 min"),
        (3605, "1 h"),
        (4320, "1 h 12 min"),
        (86_405, "1 d"),
        (183_600, "2 d 3 h"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0.0 s"), (0.44, "0.4 s"), (10, "10 s"), (200, "3 min 20 s")])
def test_what_took_less_than_ten_seconds_is_said_in_tenths(seconds: float, text: str) -> None:
    assert format_precise_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (999, "999 B"), (812_000, "812.0 kB"), (2.5e9, "2.5 GB"), (3e15, "3000.0 TB")]
)
def test_a_size_is_said_in_its_largest_unit(count: float, text: str) -> None:
    assert format_size(count) == text


def test_a_time_for_people_has_its_zone_and_no_time_has_no_words() -> None:
    assert format_moment(datetime(2026, 11, 22, 14, 30, tzinfo=UTC)) == "2026-11-22 14:30:00 UTC"
    assert format_moment(None) == ""
