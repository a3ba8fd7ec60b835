"""A report for people (80 columns, verdict first) and for the evidence (a dict for JSON)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from validation.connect.query import Example
from validation.runner import sample_words
from validation.runner.result import CheckResult, ValidationReport
from validation.schema.sample import SampleSummary
from validation.terminal import wrap
from validation.times import format_rfc3339
from validation.verdict import Severity, Verdict

INDENT = 10


def as_text(report: ValidationReport) -> str:
    """Returns the report as text: what decides first, then what passed by family. Ends with a newline."""
    lines = [*_render_head(report)]
    for result in sorted(_select_notable(report), key=lambda r: _make_rank(report, r)):
        lines += ["", *_render_result(report, result)]
    lines += ["", *_render_passed(report), *_render_notes(report)]
    return "\n".join(lines) + "\n"


def as_json(report: ValidationReport) -> dict[str, Any]:
    """Returns the report as JSON values: no secret, and of rows their keys only."""
    return {
        "verdict": str(report.verdict),
        "proved": report.proved,
        "target": report.target,
        "source": report.source,
        "restore_point": _format_utc(report.restore_point),
        "baseline": _format_utc(report.baseline),
        "started": _format_utc(report.started),
        "seconds": round(report.seconds, 3),
        "counts": dict(report.counts),
        "not_declared": list(report.not_declared),
        "unused_waivers": list(report.unused_waivers),
        "depth": str(report.depth),
        "sample": sample_words.as_json(report.sample) if report.sample else None,
        "reused": {"answers": report.reused, "since": report.reused_since} if report.reused else None,
        "results": [_result_as_json(report, result) for result in report.results],
    }


def _result_as_json(report: ValidationReport, result: CheckResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "verdict": str(result.verdict),
        "severity": str(result.severity),
        "waived": report.find_waiver(result),
        "as_in": result.as_in or None,
        "found": result.found,
        "needed": result.needed,
        "fix": result.fix,
        "query": result.query,
        "examples": [dict(example) for example in result.examples],
        "seconds": round(result.seconds, 3),
    }


def _render_head(report: ValidationReport) -> Iterator[str]:
    yield from wrap(f"{report.verdict}  {report.target}", 6)
    if report.sample:
        yield from wrap(sample_words.tell_verdict(report.sample), 0)
    point = report.restore_point
    yield f"restore point {_format_utc(point)}" if point else "no restore point given"
    if report.baseline:
        yield f"baseline of {_format_utc(report.baseline)}"
    blocking = Counter(
        r.verdict for r in report.results if r.severity is Severity.BLOCKING and not report.find_waiver(r)
    )
    waived = sum(1 for r in report.results if report.find_waiver(r))
    as_in = Counter(r.as_in for r in report.results if r.as_in)
    as_in_counts = "".join(f", {count} as in {where}" for where, count in as_in.items())
    said = (
        f"{len(report.results)} checks: {blocking[Verdict.FAIL]} failed,"
        f" {blocking[Verdict.INCONCLUSIVE]} inconclusive, {waived} waived{as_in_counts}; {report.seconds:.1f} s"
    )
    yield from wrap(said, 0)
    if not report.proved:
        yield "nothing was proved: no row was read"


def _select_notable(report: ValidationReport) -> list[CheckResult]:
    return [result for result in report.results if result.verdict is not Verdict.PASS]


def _make_rank(report: ValidationReport, result: CheckResult) -> tuple[bool, bool, bool]:
    return (
        result.severity is Severity.ADVISORY,
        report.find_waiver(result) is not None,
        result.verdict is not Verdict.FAIL,
    )


def _render_result(report: ValidationReport, result: CheckResult) -> Iterator[str]:
    kind = " (advisory)" if result.severity is Severity.ADVISORY else ""
    yield from wrap(f"{result.verdict}{kind}  {result.name}", 2)
    reason = report.find_waiver(result)
    fields = (
        ("waived", reason or ""),
        ("found", result.found),
        ("needed", result.needed),
        ("fix", result.fix),
        ("rows", "; ".join(_format_example(example) for example in result.examples)),
        ("query", result.query),
    )
    for name, text in fields:
        if text:
            yield from wrap(f"  {name:<{INDENT - 2}}{text}", INDENT)


def _format_example(example: Example) -> str:
    return ", ".join(f"{column}={'null' if value is None else value}" for column, value in example.items())


def _render_passed(report: ValidationReport) -> Iterator[str]:
    counts = Counter(r.family for r in report.results if r.verdict is Verdict.PASS)
    said = ", ".join(f"{family} {count}" if count > 1 else family for family, count in counts.items())
    yield from wrap(f"{'passed':<{INDENT}}{said or 'nothing'}", INDENT)
    rows = sum(report.counts.values())
    yield f"{'read':<{INDENT}}{rows:,} rows in {len(report.counts):,} tables"
    if report.reused:
        said = f"{report.reused:,} answers of an earlier run (since {report.reused_since}): these tables are the same"
        yield from wrap(f"{'reused':<{INDENT}}{said}", INDENT)
    if report.sample:
        yield from _render_sample(report.sample)


def _render_sample(sample: SampleSummary) -> Iterator[str]:
    lines = [("sample", sample_words.tell_read(sample)), ("not read", sample_words.tell_unread(sample))]
    lines += [("may miss", text) for text in sample_words.tell_missed(sample)]
    for name, text in lines:
        if text:
            yield from wrap(f"{name:<{INDENT}}{text}", INDENT)


def _render_notes(report: ValidationReport) -> Iterator[str]:
    if report.not_declared:
        said = f"not declared, so not checked: {', '.join(report.not_declared)}"
        yield from wrap(f"{'note':<{INDENT}}{said}", INDENT)
    if report.unused_waivers:
        said = f"waivers that waive nothing: {', '.join(report.unused_waivers)}"
        yield from wrap(f"{'note':<{INDENT}}{said}", INDENT)


def _format_utc(at: datetime | None) -> str | None:
    return format_rfc3339(at) if at else None
