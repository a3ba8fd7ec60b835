"""The sandbox's alarms are in the state in which CloudWatch's would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sandbox.aws.alarms import ALARM, OK, UNKNOWN, Rule, decide

BREACHING = Rule("GreaterThanThreshold", 10.0, periods=2, to_alarm=2, missing="breaching")
LATE, FRESH = 11.0, 1.0
NONE = (None, None, None, None)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ((FRESH, FRESH, LATE, LATE), OK),
        ((LATE, FRESH, FRESH, FRESH), OK),
        ((LATE, LATE, FRESH, FRESH), ALARM),
        ((None, FRESH, FRESH, None), OK),
        ((None, None, FRESH, FRESH), OK),
        ((None, LATE, None, LATE), ALARM),
        ((FRESH, None, None, None), OK),
        ((LATE, None, None, None), ALARM),
        (NONE, ALARM),
        ((10.0, 10.0, None, None), OK),
    ],
)
def test_missing_data_is_left_out_and_then_filled_up(values: Sequence[float | None], state: str) -> None:
    assert decide(BREACHING, values, OK) == state


@pytest.mark.parametrize(
    ("missing", "state"), [("missing", UNKNOWN), ("ignore", ALARM), ("notBreaching", OK), ("breaching", ALARM)]
)
def test_without_any_data_the_rule_for_missing_data_decides(missing: str, state: str) -> None:
    assert decide(replace(BREACHING, missing=missing), NONE, ALARM) == state


def test_one_of_two_is_enough_where_the_alarm_says_so() -> None:
    assert decide(replace(BREACHING, to_alarm=1), (FRESH, LATE, None, None), OK) == ALARM
