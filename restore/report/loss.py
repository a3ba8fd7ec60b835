"""What a switch loses, brings back and changes, by table: from the loss report in the gate `validated`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from restore.report.reading import Record, items, mapping, number, records, text

PARTS = (
    ("lost", "lost", "rows only in the source"),
    ("brought_back", "brought back", "rows only in the restored database"),
    ("differing", "changed", "other content under the same key"),
)
"""Kind in the loss report, its word for people, and what it means."""
UNEQUAL = ("different", "unknown")


@dataclass(frozen=True)
class Part:
    """Some rows of a table; `width` is the bar's length in thousandths of the longest one."""

    kind: str
    word: str
    rows: int
    times: str
    examples: str
    width: int


@dataclass(frozen=True)
class Table:
    name: str
    status: str
    exact: bool
    counts: str
    notes: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Loss:
    """`tables` are those that differ or could not be compared, most rows first; `equal` names the others."""

    headline: str
    compared: str
    """What with, and as of when."""
    warnings: tuple[str, ...]
    tables: tuple[Table, ...]
    equal: tuple[str, ...]


def read(report: Record) -> Loss | None:
    """None where no loss report was made."""
    if not report:
        return None
    found = records(report.get("tables"))
    longest = max((rows(table, kind) for table in found for kind, _, _ in PARTS), default=0)
    unequal = sorted((one for one in found if text(one.get("status")) in UNEQUAL), key=size, reverse=True)
    return Loss(
        headline=text(report.get("headline")),
        compared=compared(report),
        warnings=tuple(warnings(report)),
        tables=tuple(one_table(one, longest) for one in unequal),
        equal=tuple(text(one.get("table")) for one in found if text(one.get("status")) not in UNEQUAL),
    )


def compared(report: Record) -> str:
    sides = ((name, text(report.get(name)), text(report.get(f"{name}_taken"))) for name in ("source", "candidate"))
    said = [f"{name} {database}" + (f" as of {taken}" if taken else "") for name, database, taken in sides if database]
    return " with ".join(said)


def warnings(report: Record) -> Iterator[str]:
    yield from (text(one) for one in items(report.get("problems")))
    writing = mapping(report.get("writing"))
    if number(writing.get("rows")) or number(writing.get("transactions")):
        yield "the source was still written to meanwhile: what came later is lost too, and not in this report"
    elif sessions := number(writing.get("sessions")):
        yield f"others had {sessions} sessions on the source: what they wrote later is not in this report"


def rows(table: Record, kind: str) -> int:
    return number(mapping(table.get(kind)).get("rows"))


def size(table: Record) -> int:
    return sum(rows(table, kind) for kind, _, _ in PARTS)


def one_table(table: Record, longest: int) -> Table:
    return Table(
        name=text(table.get("table")),
        status=text(table.get("status")),
        exact=text(table.get("precision")) == "exact",
        counts=f"rows: {count(table.get('source_rows'))} in the source, restored {count(table.get('candidate_rows'))}",
        notes=text(list(items(table.get("notes")))),
        parts=tuple(parts(table, longest)),
    )


def count(value: object) -> str:
    return f"{number(value):,}" if value is not None else "not known"


def parts(table: Record, longest: int) -> Iterator[Part]:
    for kind, word, _ in PARTS:
        part = mapping(table.get(kind))
        if total := number(part.get("rows")):
            times = " to ".join(dict.fromkeys(text(part.get(name)) for name in ("oldest", "newest") if part.get(name)))
            examples = "; ".join(text(one) for one in records(part.get("examples")))
            yield Part(kind, word, total, times, examples, max(round(total / max(longest, 1) * 1000), 4))
