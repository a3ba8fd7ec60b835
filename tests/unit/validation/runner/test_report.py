"""The verdict of a report, and what people and machines get to see of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from validation import CheckResult, Severity, ValidationReport, Verdict, as_json, as_text

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def result(name: str, verdict: Verdict = PASS, severity: Severity = Severity.BLOCKING) -> CheckResult:
    return CheckResult(name, verdict, "found", "needed", "fix", severity=severity)


def report(*results: CheckResult, counts: dict[str, int] | None = None, **waivers: str) -> ValidationReport:
    rows = {"public.users": 1} if counts is None else counts
    return ValidationReport((result("rows:public.users"), *results), "d on h:1", counts=rows, waivers=waivers)


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([], PASS),
        ([result("a"), result("b", INCONCLUSIVE)], INCONCLUSIVE),
        ([result("a", INCONCLUSIVE), result("b", FAIL)], FAIL),
        ([result("a", FAIL, Severity.ADVISORY)], PASS),
    ],
)
def test_the_worst_result_decides(results: list[CheckResult], verdict: Verdict) -> None:
    assert report(*results).verdict is verdict


def test_a_report_without_results_or_without_rows_is_no_pass() -> None:
    assert ValidationReport((), "d on h:1").verdict is INCONCLUSIVE
    assert ValidationReport((result("connection"),), "d on h:1", counts={"t": 1}).verdict is INCONCLUSIVE
    assert report(counts={"public.users": 0}).verdict is INCONCLUSIVE


def test_a_waiver_lets_through_what_it_names_and_nothing_else() -> None:
    assert report(result("a:x", FAIL), a="known").verdict is PASS
    assert replace(report(result("a:x", FAIL)), waivers={"a:x": "known"}).verdict is PASS
    assert replace(report(result("a:x", FAIL)), waivers={"a:y": "known"}).verdict is FAIL
    assert report(result("ab", FAIL), a="known").verdict is FAIL


def test_a_waiver_for_what_passed_is_named_as_unused() -> None:
    assert report(result("a"), a="known").unused_waivers == ("a",)


def test_the_text_fits_a_terminal_and_begins_with_the_verdict() -> None:
    long = replace(result("rows:" + "x" * 200, FAIL), found="words " * 60, query="select " + "y, " * 90)
    text = as_text(report(long, result("b", INCONCLUSIVE)))
    assert text.startswith("FAIL  d on h:1\n")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert text.index("FAIL  rows:") < text.index("INCONCLUSIVE  b")


def test_names_from_the_data_cannot_write_to_the_terminal() -> None:
    text = as_text(report(replace(result("a", FAIL), found="\x1b[2J\r\u202e")))
    assert not {"\x1b", "\r", "\u202e"} & set(text)


def test_the_json_is_json_and_says_all(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    failed = replace(result("a", FAIL), examples=({"id": "1"},))
    data = json.loads(json.dumps(as_json(replace(report(failed, a="known"), restore_point=at))))
    assert data["verdict"] == "PASS"
    assert data["restore_point"] == "2026-11-22T14:30:00Z"
    assert data["results"][1]["waived"] == "known"
    assert data["results"][1]["examples"] == [{"id": "1"}]
    assert data["counts"] == {"public.users": 1}


def test_what_is_not_declared_is_said() -> None:
    assert "not declared, so not checked: freshness" in as_text(replace(report(), not_declared=("freshness",)))
