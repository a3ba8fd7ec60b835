"""A loss report for people (80 columns, what is lost first) and for the evidence (a dict for JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from validation.loss.model import Against, Difference, LossReport, Newest, Precision, RowSet, Status, TableLoss
from validation.terminal import format_number, wrap
from validation.times import format_rfc3339, format_time, from_epoch

SCHEMA = 1
INDENT = 16


def as_json(report: LossReport) -> dict[str, Any]:
    """Returns the report as JSON values: no secret, and of rows their keys only. Times are RFC 3339 in UTC, or
    `infinity`."""
    return {
        "schema": SCHEMA,
        "status": str(report.status),
        "precision": str(report.precision),
        "against": str(report.against),
        "headline": write_headline(report),
        "fix": report.fix,
        "source": report.source,
        "candidate": report.candidate,
        "source_taken": format_instant(report.source_taken),
        "candidate_taken": format_instant(report.candidate_taken),
        "seconds": round(report.seconds, 3),
        "writing": vars(report.writing) if report.writing else None,
        "problems": list(report.problems),
        "notes": list(report.notes),
        **_difference_as_json(report.total),
        "tables": [_table_as_json(table) for table in report.tables],
    }


def _table_as_json(table: TableLoss) -> dict[str, Any]:
    return {
        "table": table.table,
        "status": str(table.status),
        "precision": str(table.precision),
        "source_rows": table.source_rows,
        "candidate_rows": table.candidate_rows,
        **_difference_as_json(table.difference),
        "key": list(table.key),
        "timestamp": table.timestamp,
        "notes": list(table.notes),
        "newest": [_newest_as_json(at) for at in table.newest],
        "seconds": round(table.seconds, 3),
    }


def _newest_as_json(at: Newest) -> dict[str, str | None]:
    return {"column": at.column, "source": format_instant(at.source), "candidate": format_instant(at.candidate)}


def _difference_as_json(difference: Difference) -> dict[str, Any]:
    parts = {"lost": difference.lost, "brought_back": difference.brought_back, "differing": difference.differing}
    return {name: _part_as_json(part) for name, part in parts.items()}


def _part_as_json(part: RowSet) -> dict[str, Any]:
    return {
        "rows": part.rows,
        "oldest": format_instant(part.oldest),
        "newest": format_instant(part.newest),
        "examples": [dict(example) for example in part.examples],
    }


def format_instant(epoch: Decimal | None) -> str | None:
    """Returns a time to the microsecond, as short as it can be told; of what no calendar holds, infinity or the
    seconds."""
    if epoch is None:
        return None
    at = from_epoch(epoch)
    if at is None:
        return f"{epoch} s" if epoch.is_finite() else str(epoch).lower()
    return format_rfc3339(at)


def write_headline(report: LossReport) -> str:
    """Returns the whole report in one sentence."""
    if report.problems:
        return f"what a switch loses is unknown: {'; '.join(report.problems)}"
    if report.against is Against.BASELINE:
        return _estimate(report)
    unknown = report.select_status(Status.UNKNOWN)
    left = f"; {format_number(len(unknown), 'table')} not compared" if unknown else ""
    if report.status is Status.EQUAL:
        return f"a switch loses nothing: {format_number(len(report.tables), 'table')} compared, all equal row by row"
    if not report.total:
        return f"no lost or changed row was found{left}"
    total = report.total
    exact = all(table.precision is Precision.EXACT for table in report.select_status(Status.DIFFERENT))
    about = "" if exact else "about "
    return (
        f"a switch loses {about}{format_number(total.lost.rows, 'row')}{_count_tables(report, 'lost')}, "
        f"brings back {total.brought_back.rows:,}, changes {total.differing.rows:,}{left}"
    )


def _estimate(report: LossReport) -> str:
    total = report.total
    gone = [table.table for table in report.tables if table.candidate_rows is None]
    older = sum(table.older for table in report.tables)
    fewer, more = total.lost.rows, total.brought_back.rows
    parts = (
        f"{format_number(fewer, 'row')} fewer{_count_tables(report, 'lost', 'in')}"
        if fewer
        else "no table has fewer rows",
        f"{more:,} more{_count_tables(report, 'brought_back', 'in')}" if more else "",
        f"{format_number(len(gone), 'table')} missing" if gone else "",
        f"the newest rows of {format_number(older, 'table')} are older" if older else "",
    )
    taken = from_epoch(report.source_taken) if report.source_taken is not None else None
    at = f", taken {format_time(taken)}" if taken else ""
    return (
        f"only estimated, by {report.source}{at}: {', '.join(part for part in parts if part)}; "
        "what was written after it is not counted"
    )


def _count_tables(report: LossReport, kind: str, of: str = "of") -> str:
    names = [table.table for table in report.tables if getattr(table.difference, kind).rows]
    if not names:
        return ""
    return f" {of} {names[0]}" if len(names) == 1 else f" {of} {len(names)} tables"


def as_text(report: LossReport, most: int | None = None) -> str:
    """Returns the report as text: the sum, then tables that differ or are unknown, at `most` so many, then what is
    equal."""
    lines = [*wrap(f"{report.status.upper()}  {write_headline(report)}", 2), *_describe_between(report)]
    counted = report.against is Against.BASELINE
    unknown = () if counted else report.select_status(Status.UNKNOWN)
    notable = sorted((*report.select_status(Status.DIFFERENT), *unknown), key=lambda table: -table.difference.lost.rows)
    for table in notable[:most]:
        lines += ["", *_render_table(table, report.against)]
    if len(notable) > len(notable[:most]):
        left = format_number(len(notable) - len(notable[:most]), "more table")
        lines += ["", f"{left} that differ or are unknown: see the evidence"]
    alike = report.select_status(Status.UNKNOWN if counted else Status.EQUAL)
    if alike:
        rows = sum(table.source_rows or 0 for table in alike)
        said = f"{format_number(len(alike), 'table')}, {format_number(rows, 'row')}"
        lines += ["", f"{'as many rows' if counted else 'equal':<{INDENT}}{said}"]
    return "\n".join(lines) + "\n"


def _describe_between(report: LossReport) -> Iterator[str]:
    if report.problems:
        yield from _render_field("fix", report.fix) if report.fix else ()
        return
    for name, database, taken in (
        (str(report.against), report.source, report.source_taken),
        ("candidate", report.candidate, report.candidate_taken),
    ):
        at = format_instant(taken)
        yield from _render_field(name, f"{database}" + (f", as of {at}" if at else ""))
    yield from _render_field("counts", f"{report.precision}, in {report.seconds:.1f} s")
    for note in (*report.notes, describe_writing(report)):
        yield from _render_field("note", note) if note else ()


def describe_writing(report: LossReport) -> str | None:
    """Says that the source is still written to, if it is or may be."""
    writing, since = report.writing, format_instant(report.source_taken)
    if writing is None:
        return None
    if writing.rows or writing.transactions:
        return f"the source is still written to: what came after {since} is lost too, and not in this report"
    if writing.sessions:
        said = format_number(writing.sessions, "session")
        return f"{said} of others on the source: what they write after {since} is not in this report"
    return None


def _render_table(table: TableLoss, against: Against) -> Iterator[str]:
    yield from wrap(f"{table.table}{_describe_rows(table, against)}", 2)
    counted = against is Against.BASELINE
    roughly = "" if counted or table.precision is Precision.EXACT else "about "
    difference, words = table.difference, ("fewer", "more") if counted else ("lost", "brought back")
    for name, part in (
        *zip(words, (difference.lost, difference.brought_back), strict=True),
        ("differing", difference.differing),
    ):
        if part.rows:
            yield from _render_field(
                f"  {name}", f"{roughly}{format_number(part.rows, 'row')}{_describe_span(table, part)}"
            )
            if part.examples:
                yield from _render_field("", "; ".join(_render_examples(part)))
    for at in table.newest:
        before, now = (format_instant(value) or "none" for value in (at.source, at.candidate))
        word = "older" if at.older else "newer"
        yield from _render_field(f"  {word}", f"{at.column} up to {now}, in the baseline {before}")
    for note in table.notes:
        yield from _render_field("  note", note)


def _describe_rows(table: TableLoss, against: Against) -> str:
    if table.source_rows is None and table.candidate_rows is None:
        return ""
    here, there = (_count(rows) for rows in (table.source_rows, table.candidate_rows))
    return f" ({here} rows in the {against}, {there} in the candidate)"


def _count(rows: int | None) -> str:
    return "no" if rows is None else f"{rows:,}"


def _describe_span(table: TableLoss, part: RowSet) -> str:
    if part.oldest is None or table.timestamp is None:
        return ""
    oldest, newest = format_instant(part.oldest), format_instant(part.newest)
    return f", {table.timestamp} {oldest}" + ("" if oldest == newest else f" to {newest}")


def _render_examples(part: RowSet) -> Iterable[str]:
    return (", ".join(f"{name}={value}" for name, value in example.items()) for example in part.examples)


def _render_field(name: str, text: str) -> list[str]:
    return wrap(f"{name:<{INDENT}}{text}", INDENT)
