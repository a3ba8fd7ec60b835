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
from validation.loss.both_servers import NotCompared, ServerPair
from validation.loss.buckets import Split, compare_rows, parse_epoch, parse_key, read_buckets, split_buckets
from validation.loss.comparability import TablePair, TableShape, choose_time
from validation.loss.key_ranges import Ranges, TableQueries, choose_ranges, compose_sample, compose_time
from validation.loss.model import EXAMPLES, Difference, Precision, RowSet, Status, TableLoss
from validation.sql import queries
from validation.sql.queries import query

DIRECTLY = 2_000
"""Rows of ranges that differ up to which they are sent without being cut into buckets."""
BUCKET_ROWS = 64
MOST_BUCKETS = 1 << 15
MOST_ROWS = 500_000
"""Rows per side whose keys are sent; beyond, some buckets stand for all."""


@dataclass
class _Comparison:
    """One table under comparison, and what is known of it so far; that is kept when the time is up."""

    pair: TablePair
    servers: ServerPair
    ranges: Ranges = field(default_factory=Ranges)
    rows: tuple[int, int] | None = None
    certain: Difference = field(default_factory=Difference)
    at_least: Difference = field(default_factory=Difference)
    """What row counts alone tell of buckets whose rows are still to be compared."""
    undecided: bool = False
    notes: list[str] = field(default_factory=list[str])
    precision: Precision = Precision.EXACT

    @property
    def source(self) -> TableQueries:
        return TableQueries(self.pair, self.pair.source, self.ranges)

    @property
    def candidate(self) -> TableQueries:
        return TableQueries(self.pair, self.pair.candidate, self.ranges)

    @property
    def difference(self) -> Difference:
        return self.certain + self.at_least

    @property
    def status(self) -> Status:
        if self.rows is None:
            return Status.UNKNOWN
        return Status.DIFFERENT if self.difference or self.undecided else Status.EQUAL

    def run(self) -> None:
        """Raises NotCompared when a server doesn't answer, or the time is up."""
        self.ranges = self._choose_ranges()
        split = self._count_buckets(1, None)
        splits = [(split, 1)]
        per_range = choose_buckets_per_range(split.mixed)
        if per_range > 1:
            split = self._count_buckets(per_range, tuple(split.mixed))
            splits.append((split, per_range))
        if split.mixed:
            self._compare_rows(split.mixed, per_range)
        if self.pair.key:
            self._find_examples(splits)

    def break_off(self, error: NotCompared) -> None:
        why = "not compared" if self.rows is None else "at least so many, more was not told apart"
        self.notes.append(f"{why}: {error}")
        self.precision = Precision.ESTIMATED

    def _choose_ranges(self) -> Ranges:
        """By the larger side: what the other has lost or not yet got is among its keys."""
        pair = self.pair
        source, candidate = (
            int(rows[0]["pages"])
            for rows in self.servers.ask(_compose_pages(pair.source), _compose_pages(pair.candidate))
        )
        of_source = source >= candidate
        statement = compose_sample(pair, pair.source if of_source else pair.candidate, max(source, candidate))
        if statement is None:
            return Ranges()
        rows = self.servers.ask_source(statement) if of_source else self.servers.ask_candidate(statement)
        return choose_ranges(pair, rows[0])

    def _count_buckets(self, per_range: int, within: Sequence[int] | None) -> Split:
        """Counts buckets on both sides; what only one side has is settled by that."""
        statements = (queries.compose_counted(per_range, within) for queries in (self.source, self.candidate))
        source, candidate = map(read_buckets, self.servers.ask(*statements))
        split = split_buckets(source, candidate)
        if within is None:
            self.rows = (
                sum(bucket.rows for bucket in source.values()),
                sum(bucket.rows for bucket in candidate.values()),
            )
        self.certain += split.difference
        self.at_least, self.undecided = split.at_least, bool(split.mixed)
        return split

    def _compare_rows(self, mixed: Mapping[int, int], per_range: int) -> None:
        """Has the rows of buckets that differ sent, or of some that stand for all."""
        buckets = draw_buckets(mixed, MOST_ROWS)
        statements = (queries.compose_rows(buckets, per_range) for queries in (self.source, self.candidate))
        with self.servers.stream_both(*statements) as (source, candidate):
            difference = compare_rows(source, candidate, self._key)
        if len(buckets) < len(mixed):
            total, read = sum(mixed.values()), sum(mixed[bucket] for bucket in buckets)
            difference = difference.scale(total / read)
            self.precision = Precision.ESTIMATED
            self.notes.append(f"estimated from {read:,} of {total:,} rows in parts that differ")
        self.certain += difference
        self.at_least, self.undecided = Difference(), False

    def _find_examples(self, splits: Sequence[tuple[Split, int]]) -> None:
        """Keys of rows that only one side has, of the last of its buckets: with keys that grow, of its newest rows."""
        try:
            for split, per_range in splits:
                if split.lost and len(self.certain.lost.examples) < EXAMPLES:
                    statement = self.source.compose_examples(sorted(split.lost)[-EXAMPLES:], per_range)
                    self.certain += Difference(lost=self._keep_examples(self.servers.ask_source(statement)))
                if split.brought_back and len(self.certain.brought_back.examples) < EXAMPLES:
                    statement = self.candidate.compose_examples(sorted(split.brought_back)[-EXAMPLES:], per_range)
                    self.certain += Difference(brought_back=self._keep_examples(self.servers.ask_candidate(statement)))
        except NotCompared as error:
            self.notes.append(f"all counted, but not all examples were read: {error}")

    @property
    def _key(self) -> Sequence[str]:
        return [column.name for column in self.pair.key]

    def _keep_examples(self, rows: Sequence[Row]) -> RowSet:
        """Examples alone: their rows are counted already."""
        return RowSet(examples=tuple(example for row in rows for example in parse_key(row["key"], self._key)))


def compare_table(pair: TablePair, servers: ServerPair) -> TableLoss:
    """Compares a table that both sides have; never raises for what a server answers or doesn't."""
    began, comparison = time.monotonic(), _Comparison(pair, servers)
    try:
        comparison.run()
    except NotCompared as error:
        comparison.break_off(error)
    source_rows, candidate_rows = comparison.rows or (None, None)
    return TableLoss(
        table=str(pair.source.table),
        status=comparison.status,
        precision=comparison.precision,
        source_rows=source_rows,
        candidate_rows=candidate_rows,
        difference=comparison.difference,
        key=tuple(column.name for column in pair.key),
        timestamp=pair.time,
        notes=(*pair.notes, *comparison.notes),
        seconds=time.monotonic() - began,
    )


def _compose_pages(shape: TableShape) -> sql.Composed:
    return query("loss_pages", table=sql.Literal(queries.render_text(shape.table.identifier)))


def choose_buckets_per_range(mixed: Mapping[int, int]) -> int:
    """Returns into how many buckets to cut each of these ranges: a power of two, 1 for not at all."""
    rows = sum(mixed.values())
    if rows <= DIRECTLY:
        return 1
    buckets = min(rows // BUCKET_ROWS, MOST_BUCKETS) // len(mixed)
    return 1 << max(0, buckets.bit_length() - 1)


def draw_buckets(mixed: Mapping[int, int], most: int) -> tuple[int, ...]:
    """Returns all buckets, or as many of them, drawn by lot but always the same ones, as hold about so many rows."""
    total = sum(mixed.values())
    if total <= most:
        return tuple(mixed)
    count = max(1, len(mixed) * most // total)
    return tuple(random.Random(count).sample(sorted(mixed), count))  # noqa: S311 - no secret is made of it


def count_one_sided(shape: TableShape, lost: bool, servers: ServerPair) -> TableLoss:
    """Counts a table that only the source (`lost`) or only the candidate has."""
    began, column = time.monotonic(), choose_time(shape)
    side = "source" if lost else "candidate"
    one_sided = TableLoss(
        str(shape.table), Status.UNKNOWN, timestamp=column, notes=(f"only the {side} has this table",)
    )
    statement = query("loss_count", time=compose_time(column), table=shape.relation)
    try:
        row = (servers.ask_source(statement) if lost else servers.ask_candidate(statement))[0]
    except NotCompared as error:
        notes = (*one_sided.notes, f"not counted: {error}")
        return replace(one_sided, precision=Precision.ESTIMATED, notes=notes, seconds=time.monotonic() - began)
    part = RowSet(int(row["rows"]), parse_epoch(row["oldest"]), parse_epoch(row["newest"]))
    return replace(
        one_sided,
        status=Status.DIFFERENT,
        source_rows=part.rows if lost else None,
        candidate_rows=None if lost else part.rows,
        difference=Difference(lost=part) if lost else Difference(brought_back=part),
        seconds=time.monotonic() - began,
    )
