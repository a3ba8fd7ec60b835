"""A report as JUnit XML, for CI servers that show test results: one testcase a check.

The form is the one that Jenkins, GitLab and GitHub's actions read (testmoapp/junitxml on GitHub describes it; it has no
standard): FAIL is a failure, INCONCLUSIVE an error, waived is skipped, and so is what only advises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as Xml

from validation.problems import Problem
from validation.runner.result import CheckResult, ValidationReport
from validation.runner.sample_words import tell_verdict
from validation.times import format_rfc3339
from validation.verdict import Severity, Verdict

SUITE = "validation"
NOTHING_READ = "rows read"
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document can hold, not even escaped (https://www.w3.org/TR/xml/#charsets)."""
TAGS = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "error"}


@dataclass(frozen=True)
class Case:
    """One testcase. `says` is why it isn't green, `text` all that there is to know of it; `skipped`: it decides
    nothing."""

    group: str
    name: str
    seconds: float
    verdict: Verdict
    says: str = ""
    text: str = ""
    skipped: bool = False


def as_junit(report: ValidationReport) -> bytes:
    """Returns the report as an XML document in UTF-8. Whatever stands in names and values is text in it."""
    properties = {"target": report.target, "source": report.source, "verdict": str(report.verdict)}
    properties |= {"depth": tell_verdict(report.sample)} if report.sample else {}
    cases = [_make_case(report, result) for result in report.results]
    if not report.proved:  # without it, a report that proves nothing would be all green
        nothing = CheckResult(NOTHING_READ, Verdict.INCONCLUSIVE, "no row was read", "rows that prove something")
        cases.append(_make_case(report, nothing))
    return as_document(SUITE, report.seconds, report.started, properties, cases)


def as_document(
    name: str, seconds: float, started: datetime | None, properties: Mapping[str, str | None], cases: Iterable[Case]
) -> bytes:
    """Returns one suite of testcases as an XML document in UTF-8."""
    suite = Xml.Element("testsuite", {"name": name, "time": f"{seconds:.3f}"})
    if started:
        suite.set("timestamp", format_rfc3339(started))
    listed = Xml.SubElement(suite, "properties")
    for key, value in properties.items():
        if value:
            Xml.SubElement(listed, "property", {"name": key, "value": _clean(value)})
    for case in cases:
        suite.append(_render_case(case))
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for key, tag in counts.items():
        suite.set(key, str(len(list(suite.iter(tag)))))
    suites = Xml.Element("testsuites", {key: suite.attrib[key] for key in ("name", "time", *counts)})
    suites.append(suite)
    return Xml.tostring(suites, encoding="utf-8", xml_declaration=True)


def _make_case(report: ValidationReport, result: CheckResult) -> Case:
    group, reason = f"{SUITE}.{result.family}", report.find_waiver(result)
    if result.verdict is not Verdict.PASS and (reason or result.severity is Severity.ADVISORY):
        why = f"waived: {reason}" if reason else "advisory"
        return Case(group, result.name, result.seconds, result.verdict, f"{why}; found {result.found}", skipped=True)
    problem = Problem(result.name, result.found, result.needed, result.fix)
    text = f"{problem}\n\n{result.query}" if result.query else str(problem)
    return Case(group, result.name, result.seconds, result.verdict, result.found, text)


def _render_case(case: Case) -> Xml.Element:
    attributes = {"classname": _clean(case.group), "name": _clean(case.name)}
    rendered = Xml.Element("testcase", {**attributes, "time": f"{case.seconds:.3f}"})
    if case.verdict is Verdict.PASS:
        return rendered
    if case.skipped:
        Xml.SubElement(rendered, "skipped", {"message": _clean(case.says)})
        return rendered
    said = Xml.SubElement(rendered, TAGS[case.verdict], {"message": _clean(case.says), "type": str(case.verdict)})
    said.text = _clean(case.text)
    return rendered


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
