"""What a drill says at its end: green only where everything was done and held."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest

from restore.drill.result import Drill, DrillResult, Phase, as_json, as_junit, judge_targets, render
from restore.errors import Problem
from tests.support import worlds as w
from validation.verdict import Verdict

DRILL = Drill("drill-1", "prod", "shop", "pitr:2026-11-22T14:59:00Z", rpo_seconds=60, rto_target=7200, rpo_target=300)
LOST = Problem("validated.rows:users", "FAIL: 3 rows", "10", "python -m restore report")
PASSED = Phase("restore", Verdict.PASS, "restored", w.NOW, 61.5, facts={"seconds": {"candidate": 60.0}})
FAILED = Phase("restore", Verdict.FAIL, "`pulumi up` failed", w.NOW, 61.5, (LOST,))


def result(*phases: Phase, rto: float | None = 90.0) -> DrillResult:
    return DrillResult(DRILL, w.NOW, 100.0, phases, rto)


def test_a_drill_without_a_phase_has_not_passed() -> None:
    assert result(PASSED).passed
    assert not result().passed
    assert not result(PASSED, FAILED).passed
    assert not result(PASSED, replace(PASSED, verdict=Verdict.INCONCLUSIVE)).passed


@pytest.mark.parametrize(
    ("drill", "rto", "missed"),
    [
        (DRILL, 90.0, []),
        (DRILL, 7200.0, []),
        (DRILL, 7201.0, ["drill.rto"]),
        (DRILL, None, ["drill.rto"]),
        (replace(DRILL, rpo_seconds=301), 90.0, ["drill.rpo"]),
        (replace(DRILL, rpo_seconds=None), 90.0, ["drill.rpo"]),
        (replace(DRILL, rto_target=None, rpo_target=None), None, []),
    ],
)
def test_a_target_that_was_not_measured_is_missed(drill: Drill, rto: float | None, missed: list[str]) -> None:
    assert [problem.subject for problem in judge_targets(drill, rto)] == missed


def test_the_record_has_what_the_history_is_made_of() -> None:
    document = as_json(result(PASSED))
    assert (document["passed"], document["of_stack"], document["rto_seconds"], document["rpo_seconds"]) == (
        True,
        "prod",
        90.0,
        60,
    )
    (phase,) = document["phases"]
    assert (phase["name"], phase["seconds"], phase["facts"]) == ("restore", 61.5, {"seconds": {"candidate": 60.0}})


def test_a_failed_phase_is_a_failed_testcase_with_its_problem() -> None:
    suite = Xml.fromstring(as_junit(result(PASSED, FAILED)))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find(".//failure")
    assert failure is not None
    assert "validated.rows:users" in (failure.text or "")


def test_the_terminal_says_what_failed_and_how_long_all_of_it_took() -> None:
    text = render(result(PASSED, FAILED))
    assert "drill FAILED" in text
    assert "validated.rows:users" in text
    assert "recovery time: 1 min 30 s (target 2 h)" in text
    assert "drill passed" in render(result(PASSED))
