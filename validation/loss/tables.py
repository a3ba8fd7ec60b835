"""Compares one table on two servers, reading from them as little as the differences ask for.

1. Cut the keys into ranges by a sample of the larger side's.
2. Each server reads its table once and tells rows and hash of each range: equal ranges are done, and ranges that one
   side lacks are counted.
3. Of ranges that differ, the servers tell the same for each of many buckets of keys.
4. Of buckets that differ, both send key and hash of each row, which are merged as they come. When that would be too
   many, only some of the buckets, which are as good as drawn by lot: the counts are then an estimate.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from psycopg import sql

from validation.connect.query import Row
from validation.loss import buckets as counted
from validation.loss.both_servers import NotCompared, Sides
from validation.loss.buckets import Split
from validation.loss.comparability import Pair, Shape, time_of
from validation.loss.key_ranges import Ranges, View, chosen, sample, time_expression
from validation.loss.model import EXAMPLES, Difference, Part, Precision, Status, TableLoss
from validation.sql import queries
from validation.sql.queries import query

DIRECTLY = 2_000
"""Rows of ranges that differ up to which they are sent without being cut into buckets."""
BUCKET_ROWS = 64
MOST_CELLS = 1 << 15
MOST_ROWS = 500_000
"""Rows per side whose keys are sent; beyond, some buckets stand for all."""


@dataclass
class _Found:
    """What is known so far; kept when the time is up."""

    rows: tuple[int, int] | None = None
    sure: Difference = field(default_factory=Difference)
    at_least: Difference = field(default_factory=Difference)
    """Of what is not told apart yet."""
    undecided: bool = False
    notes: list[str] = field(default_factory=list[str])
    precision: Precision = Precision.EXACT


def compared(pair: Pair, sides: Sides) -> TableLoss:
    """Compares a table that both sides have; never raises for what a server answers or doesn't."""
    began, found = time.monotonic(), _Found()
    try:
        _descend(sides, pair, found)
    except NotCompared as error:
        found.notes.append(_broken_off(found, error))
        found.precision = Precision.ESTIMATED
    difference = found.sure + found.at_least
    return TableLoss(
        table=str(pair.source.table),
        status=_status(found, difference),
        precision=found.precision,
        source_rows=found.rows[0] if found.rows else None,
        candidate_rows=found.rows[1] if found.rows else None,
        difference=difference,
        key=tuple(column.name for column in pair.key),
        timestamp=pair.time,
        notes=(*pair.notes, *found.notes),
        seconds=time.monotonic() - began,
    )


def _broken_off(found: _Found, error: NotCompared) -> str:
    if found.rows is None:
        return f"not compared: {error}"
    return f"at least so many, more was not told apart: {error}"


def _status(found: _Found, difference: Difference) -> Status:
    if found.rows is None:
        return Status.UNKNOWN
    return Status.DIFFERENT if difference or found.undecided else Status.EQUAL


def _descend(sides: Sides, pair: Pair, found: _Found) -> None:
    ranges = _ranges(sides, pair)
    source, candidate = View(pair, pair.source, ranges), View(pair, pair.candidate, ranges)
    split = _cells(sides, source, candidate, 1, None, found)
    splits = [(split, 1)]
    buckets = buckets_for(split.mixed)
    if buckets > 1:
        split = _cells(sides, source, candidate, buckets, tuple(split.mixed), found)
        splits.append((split, buckets))
    if split.mixed:
        _told_apart(sides, source, candidate, split.mixed, buckets, found)
    if pair.key:
        _exemplify_all(sides, source, candidate, splits, found)


def _ranges(sides: Sides, pair: Pair) -> Ranges:
    """By the larger side: what the other has lost or not yet got is among its keys."""
    source, candidate = sides.ask(_pages(pair.source), _pages(pair.candidate))
    lost = source[0]["pages"] >= candidate[0]["pages"]
    shape = pair.source if lost else pair.candidate
    statement = sample(pair, shape, int(max(source[0]["pages"], candidate[0]["pages"])))
    if statement is None:
        return Ranges()
    rows = sides.ask_source(statement) if lost else sides.ask_candidate(statement)
    return chosen(pair, rows[0])


def _pages(shape: Shape) -> sql.Composed:
    return query("loss_pages", table=sql.Literal(queries.text(shape.table.identifier)))


def _cells(
    sides: Sides, source: View, candidate: View, buckets: int, within: Sequence[int] | None, found: _Found
) -> Split:
    """Counts cells on both sides; what only one side has is settled by that."""
    here, there = (
        counted.read(rows) for rows in sides.ask(source.counted(buckets, within), candidate.counted(buckets, within))
    )
    split = counted.split(here, there)
    if within is None:
        found.rows = (sum(cell.rows for cell in here.values()), sum(cell.rows for cell in there.values()))
    found.sure += split.difference
    found.at_least, found.undecided = split.at_least, bool(split.mixed)
    return split


def buckets_for(mixed: Mapping[int, int]) -> int:
    """Into how many buckets to cut each of these ranges: a power of two, 1 for not at all."""
    rows = sum(mixed.values())
    if rows <= DIRECTLY:
        return 1
    wanted = min(rows // BUCKET_ROWS, MOST_CELLS) // len(mixed)
    return 1 << max(0, wanted.bit_length() - 1)


def _told_apart(
    sides: Sides, source: View, candidate: View, mixed: Mapping[int, int], buckets: int, found: _Found
) -> None:
    cells = drawn(mixed, MOST_ROWS)
    key = [column.name for column in source.pair.key]
    with sides.streamed(source.rows(cells, buckets), candidate.rows(cells, buckets)) as (here, there):
        difference = counted.compare(here, there, key)
    if len(cells) < len(mixed):
        seen = sum(mixed[cell] for cell in cells)
        difference = difference.scaled(sum(mixed.values()) / seen)
        found.precision = Precision.ESTIMATED
        found.notes.append(f"estimated from {seen:,} of {sum(mixed.values()):,} rows in parts that differ")
    found.sure += difference
    found.at_least, found.undecided = Difference(), False


def drawn(mixed: Mapping[int, int], most: int) -> tuple[int, ...]:
    """All cells, or as many of them, drawn by lot but always the same ones, as hold about so many rows."""
    total = sum(mixed.values())
    if total <= most:
        return tuple(mixed)
    count = max(1, len(mixed) * most // total)
    return tuple(random.Random(count).sample(sorted(mixed), count))  # noqa: S311 - no secret is made of it


def _exemplify_all(
    sides: Sides, source: View, candidate: View, splits: Sequence[tuple[Split, int]], found: _Found
) -> None:
    try:
        for split, buckets in splits:
            _exemplify(sides, source, candidate, split, buckets, found)
    except NotCompared as error:
        found.notes.append(f"all counted, but not all examples were read: {error}")


def _exemplify(sides: Sides, source: View, candidate: View, split: Split, buckets: int, found: _Found) -> None:
    """Keys of rows that only one side has, of the last of its cells: with keys that grow, of its newest rows."""
    if split.lost and len(found.sure.lost.examples) < EXAMPLES:
        statement = source.examples(sorted(split.lost)[-EXAMPLES:], buckets)
        found.sure += Difference(lost=_examples(source, sides.ask_source(statement)))
    if split.brought_back and len(found.sure.brought_back.examples) < EXAMPLES:
        statement = candidate.examples(sorted(split.brought_back)[-EXAMPLES:], buckets)
        found.sure += Difference(brought_back=_examples(candidate, sides.ask_candidate(statement)))


def _examples(view: View, rows: Sequence[Row]) -> Part:
    """Examples alone: their rows are counted already."""
    key = [column.name for column in view.pair.key]
    return Part(examples=tuple(example for row in rows for example in counted.key_of(row["key"], key)))


def one_sided(shape: Shape, lost: bool, sides: Sides) -> TableLoss:
    """Counts a table that only the source (`lost`) or only the candidate has."""
    began, column = time.monotonic(), time_of(shape)
    side = "source" if lost else "candidate"
    known = TableLoss(str(shape.table), Status.UNKNOWN, timestamp=column, notes=(f"only the {side} has this table",))
    statement = query("loss_count", time=time_expression(column), table=shape.relation)
    try:
        row = (sides.ask_source(statement) if lost else sides.ask_candidate(statement))[0]
    except NotCompared as error:
        notes = (*known.notes, f"not counted: {error}")
        return replace(known, precision=Precision.ESTIMATED, notes=notes, seconds=time.monotonic() - began)
    part = Part(int(row["rows"]), counted.epoch(row["oldest"]), counted.epoch(row["newest"]))
    return replace(
        known,
        status=Status.DIFFERENT,
        source_rows=part.rows if lost else None,
        candidate_rows=None if lost else part.rows,
        difference=Difference(lost=part) if lost else Difference(brought_back=part),
        seconds=time.monotonic() - began,
    )
