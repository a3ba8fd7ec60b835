"""From three measured sizes to one that can't be: the only step that is computed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validation.expectations.table_names import Table
from validation.runner.limits import BLOCK, FRESH_RATE
from validation.schema.sample import RUN, Leaf, Sampling

FARTHEST = 2e12
"""Bytes: 2 TB."""


@dataclass(frozen=True)
class Measured:
    """One size: bytes of the database, seconds of both ways on a fresh volume, and the bytes that each fetched."""

    size: int
    full_seconds: float
    sample_seconds: float
    full_fetched: int
    sample_fetched: int


@dataclass(frozen=True)
class Line:
    """Seconds of so many bytes."""

    begin: float
    slope: float

    def at(self, size: float) -> float:
        """Returns the seconds of a size."""
        return self.begin + self.slope * size


def fit(sizes: Sequence[float], seconds: Sequence[float]) -> Line:
    """Returns the straight line of least squares; one that would begin below zero begins there."""
    count, middle, mean = len(sizes), sum(sizes) / len(sizes), sum(seconds) / len(seconds)
    spread = sum((size - middle) ** 2 for size in sizes)
    slope = sum((size - middle) * (took - mean) for size, took in zip(sizes, seconds, strict=True)) / spread
    begin = mean - slope * middle
    if begin < 0:
        return Line(0.0, sum(s * t for s, t in zip(sizes, seconds, strict=True)) / sum(s * s for s in sizes))
    return Line(begin, slope) if count > 1 else Line(0.0, seconds[0] / sizes[0])


def add_lookups(size: float, tables: int, checks: int) -> float:
    """Returns the seconds of the rows that are looked up beyond those of the sizes that were measured, where each
    fetches two runs: no straight line knows of them, for a small table has a fixed number."""
    sampling = Sampling()
    leaf = Leaf(Table("public", "t"), int(size / tables / BLOCK), 8.0)
    smallest = Leaf(leaf.table, 5000, 8.0)
    more = [of.looked_up for of in map(sampling.choose_lookups, (leaf, smallest))]
    return max(0.0, more[0] - more[1]) * checks * 2 * RUN * BLOCK / FRESH_RATE


def extrapolate(measured: Sequence[Measured], tables: int, checks: int) -> tuple[float, float]:
    """Returns the seconds of the sample and of all at 2 TB."""
    sizes = [each.size for each in measured]
    sample = fit(sizes, [each.sample_seconds for each in measured]).at(FARTHEST)
    full = fit(sizes, [each.full_seconds for each in measured]).at(FARTHEST)
    return sample + add_lookups(FARTHEST, tables, checks), full
