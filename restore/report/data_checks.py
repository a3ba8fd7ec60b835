"""The checks of the data, from the validation in the gate `validated`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from restore.report.untrusted import (
    EvidenceRecord,
    format_block,
    format_text,
    parse_items,
    parse_mapping,
    parse_number,
    parse_records,
    parse_seconds,
)
from restore.units import format_precise_duration

SLOW = 5
NOTABLE = ("FAIL", "INCONCLUSIVE", "waived", "advisory")
"""What is shown in full, in this order."""


@dataclass(frozen=True)
class DataCheck:
    """One check of the data. `state` is PASS, FAIL, INCONCLUSIVE, waived or advisory; `as_in` says where else all that
    it found wrong is wrong in the same places, which makes it advisory."""

    name: str
    state: str
    found: str
    needed: str
    fix: str
    query: str
    rows: str
    waived: str
    seconds: str
    as_in: str = ""


@dataclass(frozen=True)
class DataChecks:
    """The newest validation: what is no pass first, then what passed."""

    summary: str
    notable: tuple[DataCheck, ...]
    passed: tuple[DataCheck, ...]
    slowest: tuple[DataCheck, ...]
    not_declared: str
    sample: tuple[tuple[str, str], ...] = ()
    """Where a sample was read: what that is, what was left out, and what it can't find; each with its name."""


def read(report: EvidenceRecord) -> DataChecks | None:
    """Reads the report of a validation; None where none was made."""
    results = parse_records(report.get("results"))
    if not report:
        return None
    outcomes = [check(result) for result in results]
    notable = sorted(
        (outcome for outcome in outcomes if outcome.state in NOTABLE), key=lambda outcome: NOTABLE.index(outcome.state)
    )
    passed = tuple(outcome for outcome in outcomes if outcome.state == "PASS")
    counts = parse_mapping(report.get("counts"))
    read = sum(parse_number(rows) for rows in counts.values())
    slow = sorted(
        zip(outcomes, results, strict=True), key=lambda pair: parse_seconds(pair[1].get("seconds")), reverse=True
    )
    as_in = Counter(outcome.as_in for outcome in outcomes if outcome.as_in)
    words = format_text(parse_mapping(report.get("sample")).get("verdict"))
    of_sample = f", {words}" if words else ""
    before = parse_mapping(report.get("reused"))
    reused = (
        f", and {parse_number(before.get('answers')):,} answers kept since {format_text(before.get('since'))}"
        if before
        else ""
    )
    told = "".join(f", {count} as in {where}" for where, count in as_in.items())
    return DataChecks(
        summary=f"{len(passed)} of {len(outcomes)} checks pass{told}{of_sample}; {read:,} rows in {len(counts)} tables "
        f"read in {format_precise_duration(timedelta(seconds=parse_seconds(report.get('seconds'))))}{reused}",
        notable=tuple(notable),
        passed=passed,
        slowest=tuple(outcome for outcome, _ in slow[:SLOW]),
        not_declared=format_text(report.get("not_declared")),
        sample=tuple(list_sample(parse_mapping(report.get("sample")))),
    )


def list_sample(sample: EvidenceRecord) -> Iterator[tuple[str, str]]:
    """Yields what a validation says of its sample; nothing where every row was read."""
    pairs = [("read", format_text(sample.get("read"))), ("not read", format_text(sample.get("unread")))]
    pairs += [("may miss", format_text(line)) for line in parse_items(sample.get("may_miss"))]
    yield from (pair for pair in pairs if pair[1])


def check(result: EvidenceRecord) -> DataCheck:
    """Reads one result of a validation."""
    verdict = format_text(result.get("verdict"))
    waived = format_text(result.get("waived"))
    state = verdict
    if verdict != "PASS":
        state = "waived" if waived else "advisory" if format_text(result.get("severity")) == "advisory" else verdict
    return DataCheck(
        name=format_text(result.get("name")),
        state=state,
        found=format_text(result.get("found")),
        needed=format_text(result.get("needed")),
        fix=format_text(result.get("fix")),
        query=format_block(result.get("query")),
        rows="; ".join(format_text(example) for example in parse_records(result.get("examples"))),
        waived=waived,
        seconds=f"{parse_seconds(result.get('seconds')):.2f}",
        as_in=format_text(result.get("as_in")),
    )
