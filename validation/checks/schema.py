"""The schema, section by section, against that of a baseline or of the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from validation.checks.check import Check, Judgement, build_settled, judge_failed, judge_inconclusive, judge_passed
from validation.connect.query import Answer, Side
from validation.schema import snapshot
from validation.schema.snapshot import SchemaSection, SchemaSnapshot
from validation.verdict import Severity

SHOWN = 5
AGAINST_BASELINE = "the schema of the baseline"
AGAINST_SOURCE = "the schema of the source"
FIX = "docs/checks.md: is the recovery point on the other side of a migration? then waive the check"


def build_checks(expected: SchemaSnapshot | None, *, source: bool) -> Iterator[Check]:
    """Yields checks against the baseline where there is one; the source, which may be what is damaged, is then only
    advice."""
    for section in snapshot.read_files():
        severity = snapshot.choose_severity(section)
        if expected is not None:
            yield _build_baseline_check(section, expected, severity)
        if source:
            yield _build_source_check(section, severity if expected is None else Severity.ADVISORY)


def _build_baseline_check(section: str, expected: SchemaSnapshot, severity: Severity) -> Check:
    name = f"schema:{section}"
    if section not in expected.sections:
        fix = "docs/checks.md: record the baseline again with this version"
        return build_settled(name, judge_inconclusive("the baseline doesn't have it", AGAINST_BASELINE, fix), severity)

    def judge_one(answers: Sequence[Answer]) -> Judgement:
        return judge(section, expected.sections[section], snapshot.read_section(answers[0]), AGAINST_BASELINE)

    return Check(name, judge_one, (snapshot.build_question(section),), AGAINST_BASELINE, severity=severity)


def _build_source_check(section: str, severity: Severity) -> Check:
    def judge_both(answers: Sequence[Answer]) -> Judgement:
        ours, theirs = (snapshot.read_section(answer) for answer in answers)
        return judge(section, theirs, ours, AGAINST_SOURCE)

    ask = partial(snapshot.build_question, section)
    questions = (ask(Side.CANDIDATE), ask(Side.SOURCE))
    return Check(f"source-schema:{section}", judge_both, questions, AGAINST_SOURCE, severity=severity)


def judge(section: str, expected: SchemaSection, actual: SchemaSection, needed: str) -> Judgement:
    """Judges one section of the schema: FAIL for any difference, of which the first SHOWN are named."""
    changes = tuple(snapshot.compare(section, expected, actual))
    if not changes:
        return judge_passed(f"{len(actual):,} the same", needed)
    more = f"; and {len(changes) - SHOWN:,} more" if len(changes) > SHOWN else ""
    found = "; ".join(str(change) for change in changes[:SHOWN]) + more
    examples = tuple({"object": change.identity, "difference": str(change.kind)} for change in changes[:SHOWN])
    return judge_failed(found, needed, FIX, examples)
