"""One pass over each table: every aggregate that checks, baselines and reports want of it, in one question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from validation.connect.query import Question
from validation.expectations.model import Expectations
from validation.expectations.table_names import Table
from validation.schema.catalog import Catalog, TableFacts
from validation.sql.queries import query

TO_THE_END = (("enable_indexscan", "off"), ("enable_indexonlyscan", "off"), ("enable_bitmapscan", "off"))
"""Counting through an index would prove nothing about the table's own blocks."""
TIMESTAMPS = ("timestamp with time zone", "timestamp without time zone")
OF_THE_PAST = re.compile(r"(created|inserted|updated|modified|changed|registered|received|logged)_?(at|on|time)?", re.I)
"""Columns that hold, by their names, a time at which something was done."""


@dataclass(frozen=True)
class TableScan:
    """One pass over a table: its question, and under which names the answer has nulls and newest values."""

    facts: TableFacts
    question: Question
    nulls: Mapping[str, str]
    newest: Mapping[str, str]


def build_scans(catalog: Catalog, expectations: Expectations) -> dict[Table, TableScan]:
    """Returns a pass over each table, with every aggregate that is asked of it.

    A partition is read with its root, and by itself only where something is declared for it.
    """
    declared = {*expectations.tables} | {e.table for e in (*expectations.freshness, *expectations.not_null)}
    return {
        facts.table: _build_scan(facts, expectations)
        for facts in catalog.tables
        if not facts.partition or facts.table in declared
    }


def _build_scan(facts: TableFacts, expectations: Expectations) -> TableScan:
    not_null = {c for e in expectations.not_null if e.table == facts.table for c in e.columns}
    timed = {e.column for e in expectations.freshness if e.table == facts.table}
    timed |= {column for column in facts.columns if OF_THE_PAST.fullmatch(column)}
    nulls = {c: f"nulls_{i}" for i, c in enumerate(sorted(not_null & facts.columns.keys()))}
    newest = {c: f"newest_{i}" for i, c in enumerate(sorted(timed)) if facts.columns.get(c, "") in TIMESTAMPS}
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
    return TableScan(
        facts, Question(f"scan:{facts.table}", statement, cost=facts.pages, settings=TO_THE_END), nulls, newest
    )
