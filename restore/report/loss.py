"""What a switch loses, brings back and changes, by table: from the loss report in the gate `validated`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from restore.report.untrusted import (
    EvidenceRecord,
    format_text,
    parse_items,
    parse_mapping,
    parse_moment,
    parse_number,
    parse_records,
)
from restore.units import format_moment


@dataclass(frozen=True)
class RowDifference:
    """A kind of difference: its name in the loss report, its word for people, and what it means."""

    name: str
    word: str
    meaning: str


KINDS = {
    "source": (
        RowDifference("lost", "lost", "rows only in the source"),
        RowDifference("brought_back", "brought back", "rows only in the restored database"),
        RowDifference("differing", "changed", "other content under the same key"),
    ),
    "baseline": (
        RowDifference("lost", "fewer", "rows fewer than in the baseline"),
        RowDifference("brought_back", "more", "rows more than in the baseline"),
    ),
}
"""The differences that are shown, by what the restored database was compared with."""
ALIKE = {
    "source": "equal row by row",
    "baseline": "as many rows and as new ones as in the baseline",
}
UNMADE = "what a switch loses is unknown: no loss report was made, for the gate validated has not run to its end"
UNEQUAL = ("different", "unknown")


@dataclass(frozen=True)
class RowGroup:
    """Some rows of a table; `width` is the bar's length in thousandths of the longest one."""

    kind: str
    word: str
    rows: int
    times: str
    examples: str
    width: int


@dataclass(frozen=True)
class TableLoss:
    """One table that differs, or could not be compared. `exact`: counted, and no estimate."""

    name: str
    status: str
    exact: bool
    counts: str
    notes: tuple[str, ...]
    parts: tuple[RowGroup, ...]


@dataclass(frozen=True)
class Loss:
    """`tables` are those that differ or could not be compared, those that lose most first; `alike` names the others.

    Where `known` is false, nothing was counted: the headline says why, and `fix` what to do."""

    known: bool
    headline: str
    fix: str
    against: str
    compared: str
    """What with, and as of when."""
    warnings: tuple[str, ...]
    tables: tuple[TableLoss, ...]
    alike: tuple[str, ...]

    @property
    def kinds(self) -> tuple[RowDifference, ...]:
        return KINDS[self.against]

    @property
    def alike_word(self) -> str:
        return ALIKE[self.against]


def read(report: EvidenceRecord) -> Loss:
    """Reads a loss report; without one, says that there is none."""
    if not report:
        return Loss(False, UNMADE, "pulumi up", "source", "", (), (), ())
    against = format_text(report.get("against"))
    against = against if against in KINDS else "source"
    unequal = UNEQUAL if against == "source" else UNEQUAL[:1]
    compared_tables = parse_records(report.get("tables"))
    longest = max((count_rows(table, kind.name) for table in compared_tables for kind in KINDS[against]), default=0)
    differing = sorted(
        (table for table in compared_tables if format_text(table.get("status")) in unequal),
        key=make_sort_key,
        reverse=True,
    )
    return Loss(
        known=bool(compared_tables) or format_text(report.get("status")) == "equal",
        headline=format_text(report.get("headline")),
        fix=format_text(report.get("fix")),
        against=against,
        compared=describe_compared(report, against) if compared_tables else "",
        warnings=tuple(list_warnings(report)),
        tables=tuple(read_table(table, against, longest) for table in differing),
        alike=tuple(
            format_text(table.get("table"))
            for table in compared_tables
            if format_text(table.get("status")) not in unequal
        ),
    )


def describe_compared(report: EvidenceRecord, against: str) -> str:
    """Describes what was compared with what, and of when each was; `against` is the source or the baseline."""
    names = (("candidate", "restored"), ("source", against))
    sides = ((name, format_text(report.get(side)), parse_moment(report.get(f"{side}_taken"))) for side, name in names)
    said = [f"{name}: {what}" + (f" as of {format_moment(at)}" if at else "") for name, what, at in sides if what]
    return "; ".join(said)


def list_warnings(report: EvidenceRecord) -> Iterator[str]:
    """Yields what limits the report, without what its headline says already."""
    said = (format_text(note) for name in ("problems", "notes") for note in parse_items(report.get(name)))
    yield from (sentence for sentence in said if sentence not in format_text(report.get("headline")))
    writing = parse_mapping(report.get("writing"))
    if parse_number(writing.get("rows")) or parse_number(writing.get("transactions")):
        yield "the source was still written to meanwhile: what came later is lost too, and not in this report"
    elif sessions := parse_number(writing.get("sessions")):
        yield f"others had {sessions} sessions on the source: what they wrote later is not in this report"


def count_rows(table: EvidenceRecord, kind: str) -> int:
    """Returns the rows of a table that are of this kind of difference; 0 where it isn't known."""
    return parse_number(parse_mapping(table.get(kind)).get("rows"))


def make_sort_key(table: EvidenceRecord) -> tuple[int, int]:
    """Returns a table's key for sorting: what is lost comes before anything that differs otherwise."""
    return count_rows(table, "lost"), sum(count_rows(table, kind.name) for kind in KINDS["source"])


def read_table(table: EvidenceRecord, against: str, longest: int) -> TableLoss:
    """Reads one table of a loss report; `longest` is the number of rows of the longest bar."""
    counts = (count(table.get("source_rows")), count(table.get("candidate_rows")))
    return TableLoss(
        name=format_text(table.get("table")),
        status=format_text(table.get("status")),
        exact=format_text(table.get("precision")) == "exact",
        counts=f"rows: {counts[0]} in the {against}, {counts[1]} restored",
        notes=(*describe_newest(table), *(format_text(note) for note in parse_items(table.get("notes")))),
        parts=tuple(read_groups(table, against, longest)),
    )


def describe_newest(table: EvidenceRecord) -> Iterator[str]:
    """Yields, against a baseline, whether the restored rows are newer or older, by each timestamp column."""
    for column in parse_records(table.get("newest")):
        before, now = parse_moment(column.get("source")), parse_moment(column.get("candidate"))
        word = "older" if before and (now is None or now < before) else "newer"
        said = format_moment(now) or "none", format_moment(before) or "none"
        yield f"{word}: {format_text(column.get('column'))} up to {said[0]}, in the baseline {said[1]}"


def count(value: object) -> str:
    """Returns a number of rows for people; `not known` for none."""
    return f"{parse_number(value):,}" if value is not None else "not known"


def read_groups(table: EvidenceRecord, against: str, longest: int) -> Iterator[RowGroup]:
    """Yields the rows of a table by kind of difference, without the kinds that have none; `longest`: the rows of the
    longest bar."""
    for kind in KINDS[against]:
        part = parse_mapping(table.get(kind.name))
        if total := parse_number(part.get("rows")):
            examples = "; ".join(format_text(example) for example in parse_records(part.get("examples")))
            width = max(round(total / max(longest, 1) * 1000), 4)
            yield RowGroup(kind.name, kind.word, total, format_times(table, part), examples, width)


def format_times(table: EvidenceRecord, part: EvidenceRecord) -> str:
    """Returns times to the second; the evidence has them to the microsecond."""
    ends = (part.get(name) for name in ("oldest", "newest"))
    said = " to ".join(dict.fromkeys(format_moment(parse_moment(end)) or format_text(end) for end in ends if end))
    column = format_text(table.get("timestamp"))
    return f"{column} {said}" if said and column else said
