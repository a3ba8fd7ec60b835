"""A report as JUnit XML, for CI servers that show test results: one testcase a check.

The form is the one that Jenkins, GitLab and GitHub's actions read (testmoapp/junitxml on GitHub describes it; it has no
standard): FAIL is a failure, INCONCLUSIVE an error, waived is skipped, and so is what only advises.
"""

from __future__ import annotations

import re
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


def as_junit(report: ValidationReport) -> bytes:
    """Returns the report as an XML document in UTF-8. Whatever stands in names and values is text in it."""
    suite = Xml.Element("testsuite", {"name": SUITE, "time": f"{report.seconds:.3f}"})
    if report.started:
        suite.set("timestamp", format_rfc3339(report.started))
    properties = Xml.SubElement(suite, "properties")
    sample = tell_verdict(report.sample) if report.sample else None
    told = (("target", report.target), ("source", report.source), ("verdict", report.verdict), ("depth", sample))
    for name, value in told:
        if value:
            Xml.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    for result in report.results:
        suite.append(_make_case(report, result))
    if not report.proved:  # without it, a report that proves nothing would be all green
        nothing = CheckResult(NOTHING_READ, Verdict.INCONCLUSIVE, "no row was read", "rows that prove something")
        suite.append(_make_case(report, nothing))
    counts = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in counts.items():
        suite.set(name, str(len(list(suite.iter(tag)))))
    suites = Xml.Element("testsuites", {name: suite.attrib[name] for name in ("name", "time", *counts)})
    suites.append(suite)
    return Xml.tostring(suites, encoding="utf-8", xml_declaration=True)


def _make_case(report: ValidationReport, result: CheckResult) -> Xml.Element:
    attributes = {"classname": f"{SUITE}.{_clean(result.family)}", "name": _clean(result.name)}
    case = Xml.Element("testcase", {**attributes, "time": f"{result.seconds:.3f}"})
    if result.verdict is Verdict.PASS:
        return case
    reason = report.waiver(result)
    if reason or result.severity is Severity.ADVISORY:
        why = f"waived: {reason}" if reason else "advisory"
        Xml.SubElement(case, "skipped", {"message": _clean(f"{why}; found {result.found}")})
        return case
    said = Xml.SubElement(case, TAGS[result.verdict], {"message": _clean(result.found), "type": str(result.verdict)})
    problem = Problem(result.name, result.found, result.needed, result.fix)
    said.text = _clean(f"{problem}\n\n{result.query}" if result.query else str(problem))
    return case


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
