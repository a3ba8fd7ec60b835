"""A loss report for people (80 columns, what is lost first) and for the evidence (a dict for JSON)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from validation.checks.rows import moment
from validation.loss.model import Difference, LossReport, Part, Precision, Status, TableLoss
from validation.render import WIDTH, printable

SCHEMA = 1
INDENT = 16


def as_json(report: LossReport) -> dict[str, Any]:
    """The report as JSON values: no secret, and of rows their keys only. Times are RFC 3339 in UTC, or `infinity`."""
    return {
        "schema": SCHEMA,
        "status": str(report.status),
        "precision": str(report.precision),
        "headline": headline(report),
        "source": report.source,
        "candidate": report.candidate,
        "source_taken": time_text(report.source_taken),
        "candidate_taken": time_text(report.candidate_taken),
        "seconds": round(report.seconds, 3),
        "writing": vars(report.writing) if report.writing else None,
        "problems": list(report.problems),
        **_difference(report.total),
        "tables": [_table(table) for table in report.tables],
    }


def _table(table: TableLoss) -> dict[str, Any]:
    return {
        "table": table.table,
        "status": str(table.status),
        "precision": str(table.precision),
        "source_rows": table.source_rows,
        "candidate_rows": table.candidate_rows,
        **_difference(table.difference),
        "key": list(table.key),
        "timestamp": table.timestamp,
        "notes": list(table.notes),
        "seconds": round(table.seconds, 3),
    }


def _difference(found: Difference) -> dict[str, Any]:
    parts = {"lost": found.lost, "brought_back": found.brought_back, "differing": found.differing}
    return {name: _part(part) for name, part in parts.items()}


def _part(part: Part) -> dict[str, Any]:
    return {
        "rows": part.rows,
        "oldest": time_text(part.oldest),
        "newest": time_text(part.newest),
        "examples": [dict(example) for example in part.examples],
    }


def time_text(epoch: Decimal | None) -> str | None:
    """To the microsecond, as short as it can be told; of what no calendar holds, infinity or the seconds."""
    if epoch is None:
        return None
    at = moment(epoch)
    if at is None:
        return f"{epoch} s" if epoch.is_finite() else str(epoch).lower()
    return at.isoformat().replace("+00:00", "Z")


def headline(report: LossReport) -> str:
    """The whole report in one sentence."""
    unknown = report.of(Status.UNKNOWN)
    left = f"; {number(len(unknown), 'table')} not compared" if unknown else ""
    if report.problems:
        return f"not compared with {report.source}: {'; '.join(report.problems)}"
    if report.status is Status.EQUAL:
        return f"a switch loses nothing: {number(len(report.tables), 'table')} compared, all equal row by row"
    if not report.total:
        return f"no lost or changed row was found{left}"
    total = report.total
    exact = all(table.precision is Precision.EXACT for table in report.of(Status.DIFFERENT))
    about = "" if exact else "about "
    return (
        f"a switch loses {about}{number(total.lost.rows, 'row')}{_tables(report, 'lost')}, "
        f"brings back {total.brought_back.rows:,}, changes {total.differing.rows:,}{left}"
    )


def _tables(report: LossReport, kind: str) -> str:
    names = [table.table for table in report.tables if getattr(table.difference, kind).rows]
    if not names:
        return ""
    return f" of {names[0]}" if len(names) == 1 else f" of {len(names)} tables"


def number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def as_text(report: LossReport, most: int | None = None) -> str:
    """The report as text: the sum, then tables that differ or are unknown, at `most` so many, then what is equal."""
    lines = [*_wrapped(f"{report.status.upper()}  {headline(report)}", 2), *_between(report)]
    notable = sorted(
        (*report.of(Status.DIFFERENT), *report.of(Status.UNKNOWN)), key=lambda table: -table.difference.lost.rows
    )
    for table in notable[:most]:
        lines += ["", *_table_lines(table)]
    if len(notable) > len(notable[:most]):
        left = number(len(notable) - len(notable[:most]), "more table")
        lines += ["", f"{left} that differ or are unknown: see the evidence"]
    equal = report.of(Status.EQUAL)
    if equal:
        rows = sum(table.source_rows or 0 for table in equal)
        lines += ["", f"{'equal':<{INDENT}}{number(len(equal), 'table')}, {number(rows, 'row')}"]
    return "\n".join(lines) + "\n"


def _between(report: LossReport) -> Iterator[str]:
    for name, database, taken in (
        ("source", report.source, report.source_taken),
        ("candidate", report.candidate, report.candidate_taken),
    ):
        at = time_text(taken)
        yield from _field(name, f"{database}" + (f", as of {at}" if at else ""))
    yield from _field("counts", f"{report.precision}, in {report.seconds:.1f} s")
    if writing := writing_text(report):
        yield from _field("note", writing)


def writing_text(report: LossReport) -> str | None:
    """That the source is still written to, if it is or may be."""
    writing, since = report.writing, time_text(report.source_taken)
    if writing is None:
        return None
    if writing.rows or writing.transactions:
        return f"the source is still written to: what came after {since} is lost too, and not in this report"
    if writing.sessions:
        said = number(writing.sessions, "session")
        return f"{said} of others on the source: what they write after {since} is not in this report"
    return None


def _table_lines(table: TableLoss) -> Iterator[str]:
    yield from _wrapped(f"{table.table}{_rows(table)}", 2)
    about = "" if table.precision is Precision.EXACT else "about "
    found = table.difference
    for name, part in (("lost", found.lost), ("brought back", found.brought_back), ("differing", found.differing)):
        if part.rows:
            yield from _field(f"  {name}", f"{about}{number(part.rows, 'row')}{_span(table, part)}")
            if part.examples:
                yield from _field("", "; ".join(_examples(part)))
    for note in table.notes:
        yield from _field("  note", note)


def _rows(table: TableLoss) -> str:
    if table.source_rows is None and table.candidate_rows is None:
        return ""
    here, there = (_count(rows) for rows in (table.source_rows, table.candidate_rows))
    return f" ({here} rows in the source, {there} in the candidate)"


def _count(rows: int | None) -> str:
    return "no" if rows is None else f"{rows:,}"


def _span(table: TableLoss, part: Part) -> str:
    if part.oldest is None or table.timestamp is None:
        return ""
    oldest, newest = time_text(part.oldest), time_text(part.newest)
    return f", {table.timestamp} {oldest}" + ("" if oldest == newest else f" to {newest}")


def _examples(part: Part) -> Iterable[str]:
    return (", ".join(f"{name}={value}" for name, value in example.items()) for example in part.examples)


def _field(name: str, text: str) -> list[str]:
    return _wrapped(f"{name:<{INDENT}}{text}", INDENT)


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(printable(text), WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False) or [""]
