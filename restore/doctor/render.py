"""The findings for a terminal of 80 columns, in two of its own, and as JSON. Pure."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from restore.doctor.finding import Finding, State

WIDTH = 80
FIRST = 26
MARKS = {State.OK: "ok", State.NOTE: "note", State.PROBLEM: "PROBLEM"}


def render_table(findings: Sequence[Finding]) -> str:
    """Returns a line or more for each finding, and how many there are of each kind.

    A fix stands on a line of its own, however long: it is to be copied as it is.
    """
    counts = Counter(finding.state for finding in findings)
    summary = f"{counts[State.OK]} ok, {counts[State.NOTE]} notes, {counts[State.PROBLEM]} problems"
    return "\n".join([line for finding in findings for line in render_lines(finding)] + ["", summary])


def render_lines(finding: Finding) -> Iterator[str]:
    """Yields the lines of a finding, of at most WIDTH letters but for its fix."""
    text = f"{MARKS[finding.state]}: {finding.found}"
    second = textwrap.wrap(" ".join(text.split()), WIDTH - FIRST, break_on_hyphens=False)
    first = finding.subject
    if len(first) >= FIRST:
        yield from textwrap.wrap(first, WIDTH, break_on_hyphens=False)
        first = ""
    for line in second:
        yield f"{first:{FIRST}}{line}"
        first = ""
    if finding.needed:
        indent = " " * FIRST
        yield from textwrap.wrap(
            f"needed: {finding.needed}", WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
    if finding.fix:
        yield f"  fix: {finding.fix}"


def render_document(findings: Sequence[Finding]) -> str:
    """Returns `{"ok": ..., "findings": [...]}` as JSON text."""
    return json.dumps(
        {"ok": is_all_well(findings), "findings": [asdict(finding) for finding in findings]},
        indent=2,
        ensure_ascii=False,
    )


def is_all_well(findings: Sequence[Finding]) -> bool:
    """Tells whether no finding is a problem."""
    return all(finding.state is not State.PROBLEM for finding in findings)
