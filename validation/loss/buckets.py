"""Compares buckets and rows of two sides: what is equal, what only one side has, what has to be looked at. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby

from validation.connect.query import Example, Row
from validation.loss.model import Difference, RowSet

WIDEST = 80
"""Characters of a key's value that are shown."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some rows of a table, by number and hash."""

    rows: int
    hash: int
    part: RowSet

    @classmethod
    def of(cls, row: Row) -> Bucket:
        """Reads a bucket from a row of the answer to `counted`; times in seconds since 1970 UTC."""
        rows = int(row["rows"])
        return cls(rows, int(row["hash"]), RowSet(rows, parse_epoch(row["oldest"]), parse_epoch(row["newest"])))


@dataclass(frozen=True)
class Split:
    """Buckets of two sides: rows only in one, by the buckets that hold them, and the buckets that differ."""

    difference: Difference
    lost: tuple[int, ...]
    brought_back: tuple[int, ...]
    mixed: Mapping[int, int]
    """The rows of the side that has more, by bucket that differs."""
    at_least: Difference
    """What the numbers of rows alone tell of those."""


Buckets = Mapping[int, Bucket]


def read_buckets(rows: Iterable[Row]) -> Buckets:
    """Returns the buckets of one side, by their numbers."""
    return {int(row["bucket"]): Bucket.of(row) for row in rows}


def parse_epoch(value: object) -> Decimal | None:
    """Returns a time as the server tells it; versions before 14 tell a float (release notes of 14, "Change EXTRACT() to
    return type numeric")."""
    return value if value is None or isinstance(value, Decimal) else Decimal(str(value))


def split_buckets(source: Buckets, candidate: Buckets) -> Split:
    """Compares the buckets of both sides: what only one has is counted, what differs is left to look at."""
    lost = [bucket for bucket in source if bucket not in candidate]
    brought_back = [bucket for bucket in candidate if bucket not in source]
    differ = [bucket for bucket in source if bucket in candidate and not _find_equal(source[bucket], candidate[bucket])]
    return Split(
        Difference(_sum_rows(source, lost), _sum_rows(candidate, brought_back)),
        tuple(lost),
        tuple(brought_back),
        {bucket: max(source[bucket].rows, candidate[bucket].rows) for bucket in differ},
        Difference(RowSet(_count_more(source, candidate, differ)), RowSet(_count_more(candidate, source, differ))),
    )


def _find_equal(source: Bucket, candidate: Bucket) -> bool:
    return (source.rows, source.hash) == (candidate.rows, candidate.hash)


def _sum_rows(buckets: Buckets, numbers: Iterable[int]) -> RowSet:
    return sum((buckets[bucket].part for bucket in numbers), RowSet())


def _count_more(here: Buckets, there: Buckets, differ: Iterable[int]) -> int:
    return sum(max(0, here[bucket].rows - there[bucket].rows) for bucket in differ)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row, or of a table without a key all rows of one content."""

    hash: int
    part: RowSet

    def __add__(self, other: Entry) -> Entry:
        """Two rows of one key, as only a damaged index lets happen."""
        return Entry(self.hash + other.hash, self.part + other.part)


def compare_rows(source: Iterable[Row], candidate: Iterable[Row], key: Sequence[str]) -> Difference:
    """Merges the rows of both sides, each in order of their buckets; holds one bucket of them at a time."""
    total = Difference()
    for here, there in _pair_buckets(source, candidate):
        total += _find_difference(here, there, key)
    return total


def _pair_buckets(source: Iterable[Row], candidate: Iterable[Row]) -> Iterator[tuple[Sequence[Row], Sequence[Row]]]:
    ours, theirs = groupby(source, _read_number), groupby(candidate, _read_number)
    here, there = _read_next(ours), _read_next(theirs)
    while here or there:
        place = min(side[0] for side in (here, there) if side)
        yield (here[1] if here and here[0] == place else ()), (there[1] if there and there[0] == place else ())
        here = _read_next(ours) if here and here[0] == place else here
        there = _read_next(theirs) if there and there[0] == place else there


def _read_number(row: Row) -> int:
    return int(row["bucket"])


def _read_next(groups: Iterator[tuple[int, Iterator[Row]]]) -> tuple[int, list[Row]] | None:
    total = next(groups, None)
    return None if total is None else (total[0], list(total[1]))


def _find_difference(source: Iterable[Row], candidate: Iterable[Row], key: Sequence[str]) -> Difference:
    here, there = _read_entries(source), _read_entries(candidate)
    total = Difference()
    for name in (*here, *(name for name in there if name not in here)):
        if difference := _compare_entry(here.get(name), there.get(name)):
            total += add_key(difference, parse_key(name, key))
    return total


def _read_entries(rows: Iterable[Row]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for row in rows:
        part = RowSet(int(row["copies"]), parse_epoch(row["oldest"]), parse_epoch(row["newest"]))
        entry = Entry(int(row["hash"]), part)
        earlier = entries.get(row["key"])
        entries[row["key"]] = earlier + entry if earlier else entry
    return entries


def _compare_entry(here: Entry | None, there: Entry | None) -> Difference:
    if here is None or there is None:
        return Difference(here.part if here else RowSet(), there.part if there else RowSet())
    more = here.part.rows - there.part.rows
    if more:
        return Difference(replace(here.part, rows=max(0, more)), replace(there.part, rows=max(0, -more)))
    return Difference(differing=here.part) if here.hash != there.hash else Difference()


def add_key(total: Difference, example: tuple[Example, ...]) -> Difference:
    """Returns the difference with its row's key."""
    parts = (total.lost, total.brought_back, total.differing)
    return Difference(*(replace(part, examples=example) if part.rows else RowSet() for part in parts))


def parse_key(text: str, key: Sequence[str]) -> tuple[Example, ...]:
    """Returns the key of a row to look at, from its text; nothing for a row without a key."""
    if not key:
        return ()
    values = json.loads(text)
    return (dict(zip(key, (value[:WIDEST] for value in values), strict=True)),)
