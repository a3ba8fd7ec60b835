"""A CI server shows what the report says: nothing red becomes green, and no text of a database breaks the file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

import pytest

from validation.runner.junit import as_junit
from validation.runner.result import CheckResult, ValidationReport
from validation.verdict import Severity, Verdict

ROWS = CheckResult("rows:users", Verdict.PASS, "5 rows", "rows", seconds=0.25)
FAIL = CheckResult("index:users_pkey", Verdict.FAIL, "broken", "a valid index", "REINDEX", "SELECT 1")
UNKNOWN = CheckResult("sequence:users_id", Verdict.INCONCLUSIVE, "no answer in time", "an answer", "again")
HOSTILE = "]]></failure><testcase name='fake'/>&#0;\x00\x1b[31m\ud800 \ufffe \"<&>'"
COUNTS = {"public.users": 5}

ATTRIBUTES: Mapping[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "tests", "failures", "errors", "skipped", "time"}, set()),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"timestamp"}),
    "properties": (set(), set()),
    "property": ({"name", "value"}, set()),
    "testcase": ({"classname", "name", "time"}, set()),
    "failure": ({"message", "type"}, set()),
    "error": ({"message", "type"}, set()),
    "skipped": ({"message"}, set()),
}
"""By element, attributes needed and allowed besides: what readers of JUnit XML agree on."""
CHILDREN = {
    "testsuites": ("testsuite",),
    "testsuite": ("properties", "testcase"),
    "properties": ("property",),
    "testcase": ("failure", "error", "skipped"),
}


def report(*results: CheckResult, counts: Mapping[str, int] = COUNTS, **waivers: str) -> ValidationReport:
    started = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    return ValidationReport(results, "shop@10.0.0.1:5432", started=started, seconds=2.5, waivers=waivers, counts=counts)


def read(document: bytes) -> Xml.Element:
    """Returns the one suite of a document that keeps to the form."""
    top = Xml.fromstring(document)
    assert top.tag == "testsuites"
    for element in top.iter():
        needed, allowed = ATTRIBUTES[element.tag]
        assert needed <= set(element.attrib) <= needed | allowed, element.tag
        tags = [child.tag for child in element]
        assert tags == sorted(tags, key=CHILDREN.get(element.tag, ()).index)
    for element in (top, top[0]):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[name]) == len(list(element.iter(tag)))
    assert all(len(case) <= 1 for case in top.iter("testcase"))
    return top[0]


def outcomes(document: bytes) -> dict[str, str]:
    return {case.attrib["name"]: case[0].tag if len(case) else "passed" for case in read(document).iter("testcase")}


def test_each_check_is_a_testcase_with_its_verdict() -> None:
    document = as_junit(report(ROWS, FAIL, UNKNOWN))
    assert outcomes(document) == {
        "rows:users": "passed",
        "index:users_pkey": "failure",
        "sequence:users_id": "error",
    }
    suite = read(document)
    assert (suite.attrib["time"], suite.attrib["timestamp"]) == ("2.500", "2026-11-22T15:00:00Z")
    failure = suite.find(".//failure")
    assert failure is not None
    assert failure.text
    assert all(text in failure.text for text in ("a valid index", "REINDEX", "SELECT 1"))


def test_what_is_waived_is_skipped_with_its_reason() -> None:
    document = as_junit(report(ROWS, FAIL, index="rebuilt tonight"))
    assert outcomes(document)["index:users_pkey"] == "skipped"
    assert b"waived: rebuilt tonight" in document


def test_what_only_advises_does_not_make_the_build_red() -> None:
    advice = CheckResult("statistics:users", Verdict.FAIL, "old", "fresh", severity=Severity.ADVISORY)
    assert outcomes(as_junit(report(ROWS, advice)))["statistics:users"] == "skipped"


@pytest.mark.parametrize("results", [(), (ROWS,)])
def test_a_report_that_proves_nothing_is_never_green(results: tuple[CheckResult, ...]) -> None:
    assert outcomes(as_junit(report(*results, counts={})))["rows read"] == "error"


def test_hostile_text_stays_text() -> None:
    evil = CheckResult(f"index:{HOSTILE}", Verdict.FAIL, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    document = as_junit(report(ROWS, evil, FAIL, index=HOSTILE))
    assert len(list(read(document).iter("testcase"))) == 3
    assert len(list(read(as_junit(report(ROWS, evil))).iter("failure"))) == 1
    assert all(byte not in document for byte in (b"\x00", b"\x1b"))
