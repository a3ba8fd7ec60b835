"""Which blocks of a large table are read where not all are, and how likely that finds what is wrong. Pure.

A restored volume fetches its blocks from S3 at their first touch, 512 KiB at a time (EBS User Guide, "EBS direct APIs":
"the size of a block within a snapshot is 512 KiB"). So a sample is made of whole runs of blocks: pages drawn one by one
would have the volume fetch nearly all of a table. One run is drawn by lot from each of many equal parts of a file, and
the last run, which has the newest rows of most tables, is always read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from validation.expectations.table_names import Table
from validation.sql.queries import query

RUN = 64
"""Blocks of PostgreSQL (8 KiB) that a volume fetches at once."""
END = 4_294_967_294
"""The last block that a table can have: what a file has grown since its size was read belongs to its last run."""
SMALL = 4096
"""Blocks (32 MiB) up to which a table is read in full."""
SHARE = 0.04
"""Of a large table's runs, those that are read."""
FEWEST_RUNS = 32
FEWEST_LOOKUPS = 500
RUNS_A_LOOKUP = 400
"""One row is looked up in an index, which can touch a run of its own, for so many runs of its table."""
LOOKUPS_A_RUN = 8
FIRST_VERSION = 14
"""The first major version of PostgreSQL that reads a range of blocks without reading the whole table (release notes of
14, "TID range scans")."""
NEAREST_ROW = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_material", "enable_bitmapscan")
BY_INDEX = tuple((name, "off") for name in NEAREST_ROW)
"""Settings with which a few rows are looked up one by one, where the planner might rather read the whole table."""


@dataclass(frozen=True)
class Leaf:
    """A table with a file of its own; `rows_a_block` is PostgreSQL's last estimate."""

    table: Table
    blocks: int
    rows_a_block: float


@dataclass(frozen=True)
class Runs:
    """The runs of a file that are read: `drawn` by lot and the last one, of `runs`; without `drawn` the whole file.

    Of the rows that are read, every `every`th is taken, by a hash of its place.
    """

    leaf: Leaf
    runs: int
    drawn: int = 0
    every: int = 1
    seed: int = 0

    @property
    def whole(self) -> bool:
        return not self.drawn

    @property
    def blocks(self) -> int:
        """How many blocks are read."""
        return self.leaf.blocks if self.whole else min((self.drawn + 1) * RUN, self.leaf.blocks)

    @property
    def looked_up(self) -> float:
        """How many rows are looked at, by PostgreSQL's estimate."""
        return self.blocks * self.leaf.rows_a_block / self.every

    @property
    def pages(self) -> int:
        """What is read at most where each row is looked up elsewhere: a run of an index and one of a table besides."""
        return self.blocks + round(2 * RUN * self.looked_up)

    @property
    def chance(self) -> float:
        """The probability that a row of the file is looked at."""
        return (1.0 if self.whole else (self.drawn + 1) / self.runs) / self.every

    def compose_ranges(self) -> sql.Composed:
        """Returns a query of the ranges: lo and hi (tid), first (block), last (whether it is the file's last run)."""
        return query(
            "sample_ranges",
            run=sql.Literal(RUN),
            rest=sql.Literal(self.runs - 1),
            drawn=sql.Literal(self.runs - 1 if self.whole else self.drawn),
            seed=sql.Literal(self.seed),
            end=sql.Literal(END),
        )

    def compose_rows(self, columns: Sequence[str] = ()) -> sql.Composed:
        """Returns a query of the rows that are looked at: these columns, all without any, and ctid."""
        parts = {
            "table": self.leaf.table.identifier,
            "columns": sql.SQL(", ").join(map(sql.Identifier, columns)) if columns else sql.SQL("*"),
            "kept": query("sample_every", every=sql.Literal(self.every), seed=sql.Literal(self.seed))
            if self.every > 1
            else sql.SQL("true"),
        }
        return (
            query("sample_whole", **parts)
            if self.whole
            else query("sample_rows", ranges=self.compose_ranges(), **parts)
        )


@dataclass(frozen=True)
class Sampling:
    """How a database is sampled; the same `seed` draws the same runs of it."""

    seed: str = ""

    def choose_runs(self, leaf: Leaf) -> Runs:
        """Returns what is read of a file; a small one is read in full."""
        runs = count_runs(leaf.blocks)
        if leaf.blocks <= SMALL:
            return Runs(leaf, runs)
        drawn = min(max(math.ceil(runs * SHARE), FEWEST_RUNS), runs - 1)
        return Runs(leaf, runs, drawn, seed=self._seed_of(leaf.table))

    def choose_lookups(self, leaf: Leaf) -> Runs:
        """Returns the rows of a file that are looked up in an index of its own."""
        return self._take_rows(leaf, max(FEWEST_LOOKUPS, count_runs(leaf.blocks) // RUNS_A_LOOKUP))

    def share_lookups(self, leaves: Sequence[Leaf], blocks_there: int) -> tuple[Runs, ...]:
        """Returns the rows of a table's files that are looked up in another table of `blocks_there` blocks: together
        as many as the larger of the two allows, for each can have the volume fetch a run of the other's."""
        blocks = sum(leaf.blocks for leaf in leaves)
        lookups = max(FEWEST_LOOKUPS, count_runs(max(blocks, blocks_there)) // RUNS_A_LOOKUP)
        return tuple(self._take_rows(leaf, math.ceil(lookups * leaf.blocks / max(1, blocks))) for leaf in leaves)

    def _take_rows(self, leaf: Leaf, most: int) -> Runs:
        """Returns about so many rows of some of the runs that are read anyway."""
        read = self.choose_runs(leaf)
        drawn = min(read.drawn, math.ceil(most / LOOKUPS_A_RUN))
        chosen = replace(read, drawn=drawn, seed=self._seed_of(leaf.table))
        rows = chosen.blocks * leaf.rows_a_block
        return replace(chosen, every=max(1, int(rows // max(1, most))))

    def choose_values(self, leaf: Leaf, toast_blocks: int) -> Runs:
        """Returns the rows whose values that are kept outside of them are read: where these are much, of a small file
        some as well."""
        read = self.choose_runs(leaf)
        if not read.whole or toast_blocks <= SMALL:
            return read
        return Runs(leaf, read.runs, every=round(1 / SHARE), seed=self._seed_of(leaf.table))

    def _seed_of(self, table: Table) -> int:
        digest = hashlib.sha256(f"{self.seed}\n{table!r}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)


def count_runs(blocks: int) -> int:
    """Returns of how many runs so many blocks are."""
    return math.ceil(blocks / RUN)


def is_small(leaves: Iterable[Leaf]) -> bool:
    """Tells whether all of a table's files are read in full."""
    return all(leaf.blocks <= SMALL for leaf in leaves)


def compose_sampled(parts: Sequence[Runs], columns: Sequence[str]) -> sql.Composed:
    """Returns, in parentheses, a query of the rows that are looked at of all of a table's files: these columns, and
    ctid."""
    distinct = tuple(dict.fromkeys(columns))
    return sql.SQL("({})").format(sql.SQL("\nunion all\n").join([part.compose_rows(distinct) for part in parts]))


def measure_chance(parts: Sequence[Runs]) -> float:
    """Returns the least probability with which a row of any of the files is looked at."""
    return min((part.chance for part in parts), default=1.0)


@dataclass(frozen=True)
class Coverage:
    """What was read of one table, in blocks, and the probability that one wrong row of it is found."""

    read: int
    blocks: int
    chance: float


@dataclass(frozen=True)
class SampleSummary:
    """What a sample read, and what it didn't: `tables` that were read in part, `chances` (the probability with which
    one wrong row is found, by check), and `unread` checks, which need the whole of a table or an index."""

    tables: Mapping[str, Coverage]
    chances: Mapping[str, float]
    unread: tuple[str, ...]

    @property
    def share(self) -> float:
        """The part of the large tables' blocks that was read."""
        return sum(c.read for c in self.tables.values()) / max(1, sum(c.blocks for c in self.tables.values()))


def count_for_certainty(chance: float, certainty: float = 0.99) -> int:
    """Returns how many wrong rows, each found with this probability by itself, are found with this certainty (both
    probabilities from 0 to 1)."""
    return 1 if chance >= certainty else math.ceil(math.log(1 - certainty) / math.log1p(-chance))
