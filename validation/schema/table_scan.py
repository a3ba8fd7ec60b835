"""One pass over each table: every aggregate that checks, baselines and reports want of it, in one question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import sql

from validation.connect.query import Question, Row
from validation.expectations.model import Expectations
from validation.expectations.table_names import Table
from validation.schema.catalog import Catalog, TableFacts
from validation.schema.sample import Runs, Sampling, is_small, measure_chance
from validation.sql.queries import query

TO_THE_END = (("enable_indexscan", "off"), ("enable_indexonlyscan", "off"), ("enable_bitmapscan", "off"))
"""Counting through an index would prove nothing about the table's own blocks."""
IN_RANGES = (("enable_seqscan", "off"),)
"""A sample's ranges are read as such, whatever the planner thinks of the table's size."""
TIMESTAMPS = ("timestamp with time zone", "timestamp without time zone")
OF_THE_PAST = re.compile(r"(created|inserted|updated|modified|changed|registered|received|logged)_?(at|on|time)?", re.I)
"""Columns that hold, by their names, a time at which something was done."""


@dataclass(frozen=True)
class TableScan:
    """One pass over a table: its question, and under which names the answer has nulls and newest values.

    `sampled` are the files of a large table of which a sample is read; empty where all is. `exact` are the columns
    whose newest value is that of the whole table all the same, by an index.
    """

    facts: TableFacts
    question: Question
    nulls: Mapping[str, str]
    newest: Mapping[str, str]
    sampled: tuple[Runs, ...] = ()
    exact: frozenset[str] = frozenset()

    @property
    def chance(self) -> float:
        """The probability that a row of the table is read."""
        return measure_chance(self.sampled)

    def knows_newest(self, column: str) -> bool:
        """Tells whether the newest value is that of the whole table."""
        return not self.sampled or column in self.exact


@dataclass(frozen=True)
class RowCount:
    """How many rows a table has: `rows`, give or take `spread`; `read` of them were looked at."""

    rows: int
    spread: int
    read: int

    @property
    def least(self) -> int:
        """The fewest that there can be."""
        return max(self.read, self.rows - self.spread)

    @property
    def most(self) -> int:
        """The most that there can be."""
        return self.rows + self.spread

    @property
    def exact(self) -> bool:
        """Whether every row was counted."""
        return not self.spread and self.rows == self.read


def read_count(row: Row) -> RowCount:
    """Reads the answer of a scan, in full or of a sample."""
    rows = int(row["rows"])
    return RowCount(rows, int(row.get("spread", 0)), int(row.get("read", rows)))


def build_scans(
    catalog: Catalog, expectations: Expectations, sampling: Sampling | None = None
) -> dict[Table, TableScan]:
    """Returns a pass over each table, with every aggregate that is asked of it.

    A partition is read with its root, and by itself only where something is declared for it. With `sampling` only a
    sample of a large table is read.
    """
    declared = {*expectations.tables} | {e.table for e in (*expectations.freshness, *expectations.not_null)}
    return {
        facts.table: _build_scan(facts, expectations, sampling)
        for facts in catalog.tables
        if not facts.partition or facts.table in declared
    }


def compose_count(facts: TableFacts, sampling: Sampling | None) -> tuple[sql.Composed, int]:
    """Returns a query of a table's rows alone, and the pages that it reads."""
    if sampling is None or is_small(facts.leaves):
        return query("count", table=facts.table.identifier), facts.pages
    parts = [sampling.choose_runs(leaf) for leaf in facts.leaves]
    return _compose_sample(facts, parts, {}, {}), sum(part.blocks for part in parts)


def _build_scan(facts: TableFacts, expectations: Expectations, sampling: Sampling | None) -> TableScan:
    not_null = {c for e in expectations.not_null if e.table == facts.table for c in e.columns}
    timed = {e.column for e in expectations.freshness if e.table == facts.table}
    timed |= {column for column in facts.columns if OF_THE_PAST.fullmatch(column)}
    nulls = {c: f"nulls_{i}" for i, c in enumerate(sorted(not_null & facts.columns.keys()))}
    newest = {c: f"newest_{i}" for i, c in enumerate(sorted(timed)) if facts.columns.get(c, "") in TIMESTAMPS}
    name, reads = f"scan:{facts.table}", (str(facts.table),)
    if sampling is not None and not is_small(facts.leaves):
        parts = tuple(sampling.choose_runs(leaf) for leaf in facts.leaves)
        statement = _compose_sample(facts, parts, nulls, newest)
        cost = sum(part.blocks for part in parts)
        question = Question(name, statement, cost=cost, settings=IN_RANGES, reads=reads)
        return TableScan(facts, question, nulls, newest, parts, frozenset(newest) & facts.ordered)
    aggregates = [sql.SQL("count(*) as rows")]
    aggregates += [
        sql.SQL("count(*) filter (where {} is null) as {}").format(sql.Identifier(c), sql.Identifier(alias))
        for c, alias in nulls.items()
    ]
    aggregates += [
        sql.SQL("extract(epoch from max({})) as {}").format(sql.Identifier(c), sql.Identifier(alias))
        for c, alias in newest.items()
    ]
    statement = query("scan", aggregates=sql.SQL(", ").join(aggregates), table=facts.table.identifier)
    question = Question(name, statement, cost=facts.pages, settings=TO_THE_END, reads=reads)
    return TableScan(facts, question, nulls, newest)


def _compose_sample(
    facts: TableFacts, parts: Sequence[Runs], nulls: Mapping[str, str], newest: Mapping[str, str]
) -> sql.Composed:
    """The same aggregates of a sample, with the newest value by an index where there is one."""
    names = {**nulls, **newest}
    of_rows = {
        **{a: sql.SQL("count(*) filter (where {} is null)").format(sql.Identifier(c)) for c, a in nulls.items()},
        **{a: sql.SQL("max({})").format(sql.Identifier(c)) for c, a in newest.items()},
    }
    together = {
        **{a: sql.SQL("sum({})").format(sql.Identifier(a)) for a in nulls.values()},
        **{a: sql.SQL("max({})").format(sql.Identifier(a)) for a in newest.values()},
    }
    by_index = {
        a: sql.SQL("(select max({}) from {})").format(sql.Identifier(c), facts.table.identifier)
        for c, a in newest.items()
        if c in facts.ordered
    }
    last = {
        **{a: together[a] for a in nulls.values()},
        **{a: sql.SQL("extract(epoch from {})").format(by_index.get(a, together[a])) for a in newest.values()},
    }
    composed = [_compose_part(part, _list_columns(of_rows), _list_columns(together)) for part in parts]
    return query(
        "sample_scan",
        aggregates=_list_columns({a: last[a] for a in names.values()}),
        parts=sql.SQL("\nunion all\n").join(composed),
    )


def _compose_part(part: Runs, aggregates: sql.Composable, summed: sql.Composable) -> sql.Composed:
    table = part.leaf.table.identifier
    if part.whole:
        return query("sample_scan_whole", table=table, aggregates=aggregates)
    return query(
        "sample_scan_runs",
        table=table,
        aggregates=aggregates,
        summed=summed,
        rest=sql.Literal(part.runs - 1),
        drawn=sql.Literal(part.drawn),
        ranges=part.compose_ranges(),
    )


def _list_columns(columns: Mapping[str, sql.Composable]) -> sql.Composed:
    """Further columns of a query, each after a comma."""
    return sql.Composed([sql.SQL(", {} as {}").format(value, sql.Identifier(name)) for name, value in columns.items()])
