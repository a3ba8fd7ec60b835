"""A known fault excuses itself alone: the same thing in the same place, and no more of them than there were."""

from __future__ import annotations

import pytest

from validation import CheckResult, Severity, Verdict
from validation.baseline.faults import Comparison, Fault, Faults, compare
from validation.runner.known_faults import judge_known


def faults(places: str, count: int | None = None, decides: str = "") -> Faults:
    listed = tuple(Fault(place, {"id": place}, decides=place in decides) for place in places)
    return Faults(len(listed) if count is None else count, listed)


def named(compared: Comparison) -> tuple[int, str, int]:
    return compared.new, "".join(fault.place for fault in compared.named), compared.known


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (faults("ab"), faults("abc"), (0, "", 2)),
        (faults("ab"), faults("ac"), (1, "b", 1)),
        (faults("aa"), faults("a"), (1, "a", 1)),
        (faults("a"), faults(""), (1, "a", 0)),
        (faults("ab", decides="a"), faults("ab"), (1, "a", 1)),
    ],
)
def test_faults_are_compared_by_place_and_never_by_number_alone(
    ours: Faults, theirs: Faults, expected: tuple[int, str, int]
) -> None:
    assert named(compare(ours, theirs)) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (faults("abc", 50), faults("abc", 50), (0, "", 50)),
        (faults("abc", 60), faults("abc", 50), (10, "", 50)),
        (faults("abd", 50), faults("acd", 50), (1, "b", 49)),
        (faults("xyz"), faults("abc", 50), (0, "", 3)),
        (faults("bz"), faults("ac", 50), (1, "b", 1)),
    ],
)
def test_of_more_than_are_listed_the_number_and_a_sample_must_agree(
    ours: Faults, theirs: Faults, expected: tuple[int, str, int]
) -> None:
    compared = compare(ours, theirs)
    assert named(compared) == expected
    assert compared.counted


def test_the_report_says_what_was_compared_by_number() -> None:
    failed = CheckResult("foreign-key:x", Verdict.FAIL, "50 rows", "none", "repair them")
    told = judge_known(failed, "rows", compare(faults("abc", 50), faults("abc", 50)), "the source")
    assert told.found == "as in the source (more than 10,000: compared by number and a sample): 50 rows"
    assert (told.severity, told.fix) == (Severity.ADVISORY, "not needed for the switch; later: repair them")
