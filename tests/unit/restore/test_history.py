"""An estimate that hides what it is made of would be taken for a promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from restore.history import estimate_phase, estimate_validated
from restore.model.history import History, PhaseDuration
from restore.model.request import Method

DAY = datetime(2026, 10, 1, tzinfo=UTC)


def took(restore: int, phase: str, seconds: float, method: str = "pitr", size: int | None = 100) -> PhaseDuration:
    return PhaseDuration(f"inc-{restore}", phase, method, seconds, size, DAY + timedelta(days=restore))


def restored(restore: int, factor: float = 1.0, size: int = 100) -> list[PhaseDuration]:
    phases = {"candidate": 1200, "conformed": 120, "validated": 480}
    return [took(restore, phase, seconds * factor, size=size) for phase, seconds in phases.items()]


def history(*phases: PhaseDuration) -> History:
    return History(phases)


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (Method.SNAPSHOT, "50 min to 1 h 10 min"),
        (Method.PITR, "1 h to 1 h 30 min"),
        (Method.DUMP, "1 h 30 min to 4 h 30 min"),
    ],
)
def test_without_a_restore_of_its_own_a_figure_is_marked_as_somebody_elses(method: Method, text: str) -> None:
    estimate = estimate_validated(history(), method, 100)
    assert not estimate.measured
    assert estimate.text == f"{text}, a runbook's figure: no restore measured here yet"


def test_a_history_that_cannot_be_read_is_not_taken_for_none() -> None:
    estimate = estimate_validated(History(unread="AccessDenied"), Method.PITR, 100)
    assert "this stack's evidence can't be read: AccessDenied" in estimate.text


def test_restores_of_its_own_count_with_their_spread() -> None:
    estimate = estimate_validated(history(*restored(1), *restored(2, 2.0), *restored(3, 0.5)), Method.PITR, 100)
    assert estimate.measured
    assert estimate.text == ("about 30 min (15 min to 1 h), measured in 3 restores of this stack, last on 2026-10-04")


def test_one_restore_has_no_spread() -> None:
    estimate = estimate_validated(history(*restored(1)), Method.PITR, 100)
    assert estimate.text == "about 30 min, measured in 1 restore of this stack, last on 2026-10-02"


def test_another_method_tells_nothing() -> None:
    assert not estimate_validated(history(*restored(1)), Method.SNAPSHOT, 100).measured


def test_a_restore_that_never_was_validated_tells_no_whole() -> None:
    assert not estimate_validated(history(took(1, "candidate", 1200)), Method.PITR, 100).measured


def test_reading_all_rows_takes_longer_in_a_larger_database_and_making_the_instance_does_not() -> None:
    estimate = estimate_validated(history(*restored(1, size=100)), Method.PITR, 200)
    assert estimate.typical == 1200 + 120 + 2 * 480


def test_a_dump_is_read_while_its_instance_is_made() -> None:
    phases = {"scanned": 2000, "candidate": 600, "conformed": 60, "imported": 3000, "validated": 400}
    known = history(*(took(1, phase, seconds, "dump") for phase, seconds in phases.items()))
    assert estimate_validated(known, Method.DUMP, 100).typical == 2000 + 3000 + 400


def test_a_phase_that_nobody_measured_has_a_documented_figure_or_none() -> None:
    assert estimate_phase(history(), "conformed", Method.PITR, 100) is None
    estimate = estimate_phase(history(), "candidate", Method.PITR, 100)
    assert estimate
    assert (estimate.shortest, estimate.longest, estimate.measured) == (1800, 3600, False)


def test_a_safety_snapshot_does_not_depend_on_the_method() -> None:
    estimate = estimate_phase(history(took(1, "safety-snapshot", 300, "dump")), "safety-snapshot", Method.PITR, 100)
    assert estimate
    assert (estimate.typical, estimate.measured) == (300, True)
