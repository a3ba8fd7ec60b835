"""Where a table's keys are cut into ranges, and the SQL that says in which range and bucket a row lies. Pure.

Ranges are of one key column, whose order is the same on both sides; a range is cut into buckets by a hash of the
whole key, a power of two of them. Buckets are numbered over all ranges: range * per_range + bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from psycopg import sql

from validation.loss import hashing
from validation.loss.comparability import Column, TablePair, TableShape
from validation.sql.queries import query

SMALL_PAGES = 8
"""Pages of a range, where that makes no more than MOST_RANGES; tables up to this size are one."""
SAMPLED_PAGES = 1024
MOST_RANGES = 256
MOST_TEXT_RANGES = 64
"""width_bucket() passes over bounds that are text one by one."""
MOST_RUNS = 8
"""Adjoining ranges that are looked up by an index, at most; beyond, the whole table is read."""
KEY_SEED, ROW_SEED = 1, 2


@dataclass(frozen=True)
class Ranges:
    """`bounds` are the values, as text, at which ranges 1, 2, ... begin; range 0 is what lies before the first.
    Without a column the whole table is range 0."""

    column: Column | None = None
    bounds: tuple[str, ...] = ()

    @property
    def number(self) -> sql.Composable:
        """The number of a row's range."""
        if self.column is None or not self.bounds:
            return sql.SQL("0")
        return sql.SQL("width_bucket({}, {})").format(hashing.compose_orderable(self.column), self._compose_array())

    def _compose_array(self) -> sql.Composed:
        assert self.column is not None
        kind = sql.SQL(hashing.choose_bounds_type(self.column))
        return sql.SQL("{}::{}[]").format(sql.Literal(list(self.bounds)), kind)

    def compose_condition(self, numbers: Sequence[int]) -> sql.Composable:
        """Returns the condition that a row lies in one of the ranges; few runs of them also by bounds, for which there
        may be an index."""
        if self.column is None or not self.bounds or len(numbers) > len(self.bounds):
            return sql.SQL("true")
        runs = _join_runs(numbers)
        if len(runs) <= MOST_RUNS:
            return sql.SQL("({})").format(
                sql.SQL(" or ").join(self._compose_between(first, last) for first, last in runs)
            )
        return sql.SQL("{} = any({}::int4[])").format(self.number, sql.Literal(sorted(numbers)))

    def is_by_bounds(self, numbers: Sequence[int]) -> bool:
        """Tells whether that condition is one by bounds, of values in whose order equal ones are never apart."""
        is_ordered = self.column is not None and hashing.choose_bounds_type(self.column) != "text"
        return is_ordered and len(numbers) <= len(self.bounds) and len(_join_runs(numbers)) <= MOST_RUNS

    def _compose_between(self, first: int, last: int) -> sql.Composed:
        """Rows of ranges first to last."""
        assert self.column is not None
        value, kind = hashing.compose_orderable(self.column), sql.SQL(hashing.choose_bounds_type(self.column))
        tests = [sql.SQL("{} >= {}::{}").format(value, sql.Literal(self.bounds[first - 1]), kind)] if first else []
        if last < len(self.bounds):
            tests.append(sql.SQL("{} < {}::{}").format(value, sql.Literal(self.bounds[last]), kind))
        return sql.SQL("({})").format(sql.SQL(" and ").join(tests) if tests else sql.SQL("true"))


def _join_runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Adjoining numbers as (first, last)."""
    ordered = sorted(numbers)
    gaps = [place for place, (number, following) in enumerate(pairwise(ordered), start=1) if following > number + 1]
    return [(ordered[start], ordered[end - 1]) for start, end in pairwise([0, *gaps, len(ordered)])] if ordered else []


def choose_range_count(pages: int, columns: Iterable[Column]) -> int:
    """Returns into how many ranges to cut a table of so many pages of 8 KiB; fewer where bounds are texts."""
    text = any(hashing.choose_bounds_type(column) == "text" for column in columns)
    return min(max(1, pages // SMALL_PAGES), MOST_TEXT_RANGES if text else MOST_RANGES)


def compose_sample(pair: TablePair, shape: TableShape, pages: int) -> sql.Composed | None:
    """Returns the query for the bounds by every key column, as bounds_0, bounds_1, ...; None where one range is enough.
    `pages` are of 8 KiB."""
    count = choose_range_count(pages, pair.key)
    if count < 2 or not pair.key:
        return None
    fractions = sql.Literal([number / count for number in range(1, count)])
    quantile = sql.SQL("(percentile_disc({}::float8[]) within group (order by {}))::text[] as {}")
    aliases = [sql.Identifier(f"key_{number}") for number in range(len(pair.key))]
    return query(
        "loss_sample",
        quantiles=sql.SQL(", ").join(
            quantile.format(fractions, alias, sql.Identifier(f"bounds_{number}"))
            for number, alias in enumerate(aliases)
        ),
        columns=sql.SQL(", ").join(
            sql.SQL("{} as {}").format(hashing.compose_orderable(column), alias)
            for column, alias in zip(pair.key, aliases, strict=True)
        ),
        table=shape.relation,
        percent=sql.Literal(min(100.0, 100.0 * SAMPLED_PAGES / pages)),
    )


def choose_ranges(pair: TablePair, sampled: Mapping[str, Sequence[str | None] | None]) -> Ranges:
    """Returns ranges by the key column that tells most rows apart; the first of equals, as an index begins with it."""
    candidates = [
        Ranges(column, tuple(dict.fromkeys(bound for bound in sampled[f"bounds_{number}"] or () if bound is not None)))
        for number, column in enumerate(pair.key)
    ]
    return max(candidates, key=lambda ranges: len(ranges.bounds))


@dataclass(frozen=True)
class TableQueries:
    """What one side is asked about a table; both sides are asked the same of the same columns."""

    pair: TablePair
    shape: TableShape
    ranges: Ranges

    def compose_counted(self, per_range: int, within: Sequence[int] | None) -> sql.Composed:
        """Returns the query for rows, hash and times per bucket; only of some ranges when these are given."""
        where = sql.SQL("true") if within is None else self.ranges.compose_condition(within)
        return query(
            "loss_buckets",
            bucket=self._compose_bucket(per_range),
            hash=self._hash,
            time=self._time,
            table=self._table,
            where=where,
        )

    def compose_rows(self, buckets: Sequence[int], per_range: int) -> sql.Composed:
        """Returns the query for key and hash of each row of these buckets, in order of the buckets."""
        parts = {
            "bucket": self._compose_bucket(per_range),
            "hash": self._hash,
            "time": self._time,
            "table": self._table,
            "where": self._compose_in(buckets, per_range),
        }
        if self.pair.key:
            return query("loss_rows", key=hashing.compose_key_text(self.pair.key), **parts)
        return query("loss_copies", **parts)

    def compose_examples(self, buckets: Sequence[int], per_range: int) -> sql.Composed:
        """Returns the query for the keys of some rows of these buckets."""
        where = self._compose_in(buckets, per_range)
        return query("loss_examples", key=hashing.compose_key_text(self.pair.key), table=self._table, where=where)

    def _compose_in(self, buckets: Sequence[int], per_range: int) -> sql.Composed:
        ranges = sorted({bucket // per_range for bucket in buckets})
        exactly = sql.SQL("{} = any({}::int8[])").format(self._compose_bucket(per_range), sql.Literal(list(buckets)))
        return sql.SQL("{} and {}").format(self.ranges.compose_condition(ranges), exactly)

    def _compose_bucket(self, per_range: int) -> sql.Composed:
        if per_range == 1:
            return sql.SQL("({})::int8").format(self.ranges.number)
        key = hashing.compose_mixed_hash(self.pair.key or self.pair.columns, KEY_SEED)
        return sql.SQL("(({})::int8 * {} + ({} & {}))").format(
            self.ranges.number, sql.Literal(per_range), key, sql.Literal(per_range - 1)
        )

    @property
    def _hash(self) -> sql.Composed:
        return hashing.compose_mixed_hash(self.pair.columns, ROW_SEED)

    @property
    def _time(self) -> sql.Composable:
        return compose_time(self.pair.time)

    @property
    def _table(self) -> sql.Composable:
        return self.shape.relation


def compose_time(column: str | None) -> sql.Composable:
    """Returns the timestamp column that tells how old a row is, or null without one."""
    return sql.Identifier("t", column) if column else sql.SQL("null::timestamp")
