"""What changed from one baseline to a later one: pure, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from validation.baseline.model import Baseline, TableState
from validation.expectations.table_names import quote
from validation.schema import snapshot
from validation.terminal import format_size
from validation.times import format_rfc3339_micros


@dataclass(frozen=True)
class BaselineDifference:
    """One line: what it is about, and how it was and is."""

    subject: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.was} -> {self.now}"


def compare_baselines(old: Baseline, new: Baseline) -> tuple[BaselineDifference, ...]:
    """Returns what differs in tables and sequences, by name; sizes only where the rows differ too, since vacuum and
    bloat change them."""
    identity = [
        BaselineDifference("database", old.database, new.database),
        BaselineDifference("server version", old.server_version, new.server_version),
    ]
    compared = (*identity, *_compare_tables(old, new), *_compare_sequences(old, new), *_compare_faults(old, new))
    return tuple(difference for difference in compared if difference.was != difference.now)


def compare_schemas(old: Baseline, new: Baseline) -> tuple[snapshot.Change, ...]:
    """Returns what differs between the two schemas, sorted by section and identity."""
    return snapshot.diff(old.schema, new.schema)


def _compare_tables(old: Baseline, new: Baseline) -> Iterator[BaselineDifference]:
    for table in sorted(old.tables.keys() | new.tables.keys()):
        was, now = old.tables.get(table), new.tables.get(table)
        yield BaselineDifference(str(table), _format_rows(was, None), _format_rows(now, was))
        for column in sorted({column for state in (was, now) if state for column in state.newest}):
            yield BaselineDifference(
                f"{table}.{quote(column)}", _format_newest(was, column), _format_newest(now, column)
            )


def _format_rows(state: TableState | None, before: TableState | None) -> str:
    if state is None:
        return "no table"
    grown = state.rows - before.rows if before else 0
    change = f" ({grown:+,}, {format_size(state.bytes)})" if grown else ""
    return f"{state.rows:,} rows{change}"


def _format_newest(state: TableState | None, column: str) -> str:
    at: datetime | None = state.newest.get(column) if state else None
    return f"newest {format_rfc3339_micros(at)}" if at else "no newest value"


def _compare_sequences(old: Baseline, new: Baseline) -> Iterator[BaselineDifference]:
    for name in sorted(old.sequences.keys() | new.sequences.keys()):
        was, now = old.sequences.get(name), new.sequences.get(name)
        yield BaselineDifference(
            f"sequence {name}", f"at {was.last:,}" if was else "no value", f"at {now.last:,}" if now else "no value"
        )


def _compare_faults(old: Baseline, new: Baseline) -> Iterator[BaselineDifference]:
    for name in sorted(old.faults.keys() | new.faults.keys()):
        was, now = (f"{of.faults[name].count:,} wrong" if name in of.faults else "as it should be" for of in (old, new))
        yield BaselineDifference(_check(name), was, now)


def _check(question: str) -> str:
    return f"check {question.removeprefix('faults:')}"


def as_text(old: Baseline, new: Baseline) -> str:
    """Returns the differences for people; ends with a newline."""
    lines = [f"{old.database}: {format_rfc3339_micros(old.taken)} -> {format_rfc3339_micros(new.taken)}"]
    changed_data, changes = compare_baselines(old, new), compare_schemas(old, new)
    lines += [f"  {difference}" for difference in changed_data] or ["  the same rows, newest values and sequences"]
    lines += ["schema:", *(f"  {line}" for line in snapshot.as_text(changes).splitlines())] if changes else []
    return "\n".join(lines if changes else [*lines, "  the same schema"]) + "\n"


def render(baseline: Baseline) -> str:
    """Returns one baseline for people; ends with a newline."""
    lines = [
        f"{baseline.database}, PostgreSQL {baseline.server_version}, {format_rfc3339_micros(baseline.taken)}",
        f"{len(baseline.tables):,} tables, {baseline.rows:,} rows, {format_size(baseline.bytes)};"
        f" schema {baseline.schema.digest[:16]}",
        "",
    ]
    for table, state in sorted(baseline.tables.items()):
        lines.append(f"{state.rows:>15,} rows  {format_size(state.bytes):>10}  {table}")
        lines += [
            f"{'':>15}       newest {column} {format_rfc3339_micros(at)}" for column, at in sorted(state.newest.items())
        ]
    lines += [f"{at.last:>15,} last  {'':>10}  sequence {name}" for name, at in sorted(baseline.sequences.items())]
    lines += [f"{of.count:>15,} wrong {'':>10}  {_check(name)}" for name, of in sorted(baseline.faults.items())]
    return "\n".join(lines) + "\n"
