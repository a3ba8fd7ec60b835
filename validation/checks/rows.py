"""V.3, what is in the tables: row counts, nulls and newest timestamps, all from one pass over each table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from psycopg import sql

from validation.baseline.model import Baseline
from validation.checks.check import Check, Judgement, build_settled, judge_failed, judge_inconclusive, judge_passed
from validation.checks.common import build_missing_column, build_missing_table, compose_key
from validation.connect.query import Answer, Question, Side
from validation.expectations.model import Expectations, Freshness, RowRange
from validation.expectations.table_names import Table, quote
from validation.schema.catalog import Catalog
from validation.schema.sample import Sampling, compose_sampled
from validation.schema.table_scan import RowCount, TableScan, compose_count, read_count
from validation.sql.queries import query
from validation.terminal import format_number
from validation.times import format_time, format_time_micros, from_epoch
from validation.verdict import Severity

NO_BASELINE = "docs/checks.md: record a baseline, or waive the check with a reason"
CLOCKS = timedelta(minutes=5)
"""How far an application's clock may be ahead of the database's."""
IN_FULL = "docs/large.md: with validation.depth full all of it is read; or waive the check with a reason"
NO_SOURCE = "docs/checks.md: give the source to compare with, or waive the check with a reason"


def build_checks(
    passes: Mapping[Table, TableScan],
    expectations: Expectations,
    source: Catalog | None,
    restore_point: datetime | None,
    baseline: Baseline | None = None,
    sampling: Sampling | None = None,
) -> Iterator[Check]:
    """Yields the checks of counts, nulls and newest timestamps. `restore_point` has a zone. What is relative to a
    source or baseline that isn't there is INCONCLUSIVE. With `sampling` the source's large tables are sampled too."""
    yield _build_tables_check(passes)
    yield from _build_freshness_checks(passes, expectations.freshness, restore_point)
    yield from _build_future_checks(passes, expectations.freshness, restore_point)
    yield from _build_count_checks(passes, expectations.tables, source, baseline, sampling)
    yield from _build_null_checks(passes, expectations)
    if source is not None:
        yield _build_tables_of_source_check(passes, source)


def _build_tables_check(passes: Mapping[Table, TableScan]) -> Check:
    """An empty database is no restored database."""
    roots = [scan.question for scan in passes.values() if not scan.facts.partition]

    def judge(answers: Sequence[Answer]) -> Judgement:
        counts = [read_count(answer.row) for answer in answers]
        rows = sum(count.rows for count in counts)
        about = "" if all(count.exact for count in counts) else "about "
        found = (
            f"{format_number(len(roots), 'table')}, {about}{format_number(rows, 'row')} in the {len(answers)} that were"
            " read"
        )
        needed = "tables with rows in them"
        if roots and not answers:
            return judge_inconclusive(found, needed, "docs/checks.md")
        if not rows:
            return judge_failed(
                found,
                needed,
                "docs/checks.md: an empty database; give the right one, or restore again",
            )
        return judge_passed(found, needed)

    return Check("tables", judge, tuple(roots), tolerant=True)


def _build_count_checks(
    passes: Mapping[Table, TableScan],
    ranges: Mapping[Table, RowRange],
    source: Catalog | None,
    baseline: Baseline | None,
    sampling: Sampling | None,
) -> Iterator[Check]:
    for table in sorted(ranges.keys() | passes.keys()):
        name = f"rows:{table}"
        bounds = ranges.get(table, RowRange())
        before = baseline.tables.get(table) if baseline else None
        if table not in passes:
            yield build_missing_table(name, table)
        elif bounds.needs_baseline and before is None:
            found = f"a baseline without {table}" if baseline else "no baseline was read"
            yield build_settled(name, judge_inconclusive(found, _describe_range(bounds, Others()), NO_BASELINE))
        elif bounds.needs_source and source is None:
            yield build_settled(
                name, judge_inconclusive("no source was read", _describe_range(bounds, Others()), NO_SOURCE)
            )
        else:
            of_source = (_count_of_source(table, source, sampling),) if bounds.needs_source else ()
            yield _build_count_check(name, passes[table], bounds, of_source, before.rows if before else None)


@dataclass(frozen=True)
class Others:
    """Rows of the same table elsewhere, as far as they are known."""

    source: RowCount | None = None
    baseline: int | None = None

    def __str__(self) -> str:
        counts = [f"source: {_describe_count(self.source)}"] if self.source else []
        counts += [f"baseline: {self.baseline:,}"] if self.baseline is not None else []
        return f" ({', '.join(counts)})" if counts else ""


@dataclass(frozen=True)
class Bound:
    """The fewest rows, or the most, that are right, give or take `spread`; `rows` is None while what it is relative to
    isn't known."""

    least: bool
    rows: Decimal | None
    words: str
    spread: Decimal = Decimal(0)

    def holds(self, count: RowCount) -> bool | None:
        """Tells whether so many rows are within the bound; an unknown one holds. None where an estimate can't tell."""
        if self.rows is None:
            return True
        low, high = self.rows - self.spread, self.rows + self.spread
        surely = count.least >= high if self.least else count.most <= low
        surely_not = count.most < low if self.least else count.least > high
        return True if surely else False if surely_not else None


def _build_count_check(
    name: str, scan: TableScan, bounds: RowRange, of_source: tuple[Question, ...], of_baseline: int | None
) -> Check:
    def judge(answers: Sequence[Answer]) -> Judgement:
        count = read_count(answers[0].row)
        others = Others(read_count(answers[1].row) if of_source else None, of_baseline)
        found = f"{_describe_count(count)}{'' if count.exact else ' rows'}{others}"
        needed = _describe_range(bounds, others)
        held = [bound.holds(count) for bound in _find_bounds(bounds, others)]
        if False not in held and None in held:
            return judge_inconclusive(f"{found}, too near to the bound for a sample to tell", needed, IN_FULL)
        if False in held:
            return judge_failed(
                found,
                needed,
                "docs/checks.md: compare the recovery point with the time of the loss" + _describe_lost(scan),
            )
        return judge_passed(found, needed)

    needed = _describe_range(bounds, Others(baseline=of_baseline))
    return Check(name, judge, (scan.question, *of_source), needed)


def _describe_count(count: RowCount) -> str:
    if count.exact:
        return format_number(count.rows, "row")
    return f"about {count.rows:,} (between {count.least:,} and {count.most:,}; {count.read:,} were read)"


def _count_of_source(table: Table, source: Catalog | None, sampling: Sampling | None) -> Question:
    facts = source.by_name.get(table) if source else None
    if facts is None:
        return Question(f"source:count:{table}", query("count", table=table.identifier), Side.SOURCE)
    statement, pages = compose_count(facts, sampling)
    return Question(f"source:count:{table}", statement, Side.SOURCE, pages)


def _find_bounds(bounds: RowRange, others: Others) -> Iterator[Bound]:
    of_source = others.source.rows if others.source else None
    for word, rows in (("least", bounds.min), ("most", bounds.max)):
        if rows is not None:
            yield Bound(word == "least", Decimal(rows), f"at {word} {rows:,}")
    for word, share, rows, whose in (
        ("least", bounds.at_least_of_source, of_source, "source"),
        ("most", bounds.at_most_of_source, of_source, "source"),
        ("least", bounds.at_least_of_baseline, others.baseline, "baseline"),
        ("most", bounds.at_most_of_baseline, others.baseline, "baseline"),
    ):
        if share is not None:
            part = None if rows is None else _take_part(share, rows)
            exact = "" if part is None else f" ({part:,.0f})"
            spread = others.source.spread if whose == "source" and others.source else 0
            words = f"at {word} {share:.4g} of the {whose}'s{exact}"
            yield Bound(word == "least", part, words, _take_part(share, spread))


def _take_part(share: float, rows: int) -> Decimal:
    """In decimal: 0.1 of 30 rows is 3, not a little more."""
    return Decimal(str(share)) * rows


def _describe_range(bounds: RowRange, others: Others) -> str:
    return ", ".join(bound.words for bound in _find_bounds(bounds, others)) or "readable to the end"


def _describe_lost(scan: TableScan) -> str:
    return "; the table is UNLOGGED: a restore always empties it" if scan.facts.unlogged else ""


def _build_null_checks(passes: Mapping[Table, TableScan], expectations: Expectations) -> Iterator[Check]:
    for expectation in expectations.not_null:
        for column in expectation.columns:
            name = f"not-null:{expectation.table}.{quote(column)}"
            scan = passes.get(expectation.table)
            if scan is None:
                yield build_missing_table(name, expectation.table)
            elif column not in scan.nulls:
                yield build_missing_column(name, column)
            else:
                yield _build_null_check(name, scan, column)


def _build_null_check(name: str, scan: TableScan, column: str) -> Check:
    def judge(answers: Sequence[Answer]) -> Judgement:
        nulls, rows = int(answers[0].row[scan.nulls[column]]), read_count(answers[0].row).read
        read = " that were read" if scan.sampled else ""
        needed = "rows, none without a value"
        if not rows:
            return judge_failed(
                "no row at all",
                needed,
                "docs/checks.md: compare the recovery point with the time of the loss",
            )
        if nulls:
            said = f"{format_number(nulls, 'row')} of {rows:,}{read} without a value"
            return judge_failed(said, needed, "docs/checks.md: choose a recovery point before the values were lost")
        return judge_passed(f"a value in each of {format_number(rows, 'row')}{read}", needed)

    statement = query(
        "null_examples",
        keys=compose_key(scan.facts.key),
        table=compose_sampled(scan.sampled, (*scan.facts.key, column)) if scan.sampled else scan.facts.table.identifier,
        column=sql.Identifier(column),
    )
    examples = Question(f"examples:{name}", statement, cost=scan.question.cost)
    return Check(name, judge, (scan.question,), "rows, none without a value", examples, chance=scan.chance)


def _build_freshness_checks(
    passes: Mapping[Table, TableScan], expectations: Iterable[Freshness], restore_point: datetime | None
) -> Iterator[Check]:
    for expectation in expectations:
        name = f"freshness:{expectation.table}.{quote(expectation.column)}"
        scan = passes.get(expectation.table)
        if scan is None:
            yield build_missing_table(name, expectation.table)
        elif expectation.column not in scan.facts.columns:
            yield build_missing_column(name, expectation.column)
        elif expectation.column not in scan.newest:
            kind = scan.facts.columns[expectation.column]
            fix = "docs/expectations.md: declare a column of type timestamp or timestamptz"
            yield build_settled(name, judge_inconclusive(f"a column of type {kind}", "a timestamp", fix))
        elif restore_point is None:
            fix = "docs/checks.md: give the restore point; for `latest` the time at which writing had stopped"
            yield build_settled(name, judge_inconclusive("no time to compare with", "a restore point", fix))
        else:
            yield _build_freshness_check(name, scan, expectation, restore_point)


def _build_freshness_check(name: str, scan: TableScan, freshness: Freshness, restore_point: datetime) -> Check:
    point = restore_point.astimezone(UTC)
    first = point - timedelta(seconds=freshness.tolerance_seconds)
    last = point + timedelta(seconds=freshness.ahead_seconds)
    needed = f"newest from {format_time_micros(first)} to {format_time_micros(last)}"

    def judge(answers: Sequence[Answer]) -> Judgement:
        newest = answers[0].row[scan.newest[freshness.column]]
        if newest is None:
            return judge_failed(
                "no timestamp at all",
                needed,
                "docs/checks.md: compare the recovery point with the time of the loss",
            )
        at = from_epoch(newest)
        if at is None:
            return judge_failed(
                f"newest is {newest} s",
                needed,
                "docs/checks.md: correct the value in the source, or waive the check",
            )
        found = f"newest {format_time_micros(at)}{_describe_sample(scan, freshness.column)}"
        if at > last:
            fix = "docs/checks.md: data from after the restore point; wrong instance, or wrong recovery point"
            return judge_failed(f"{found}, {(at - last).total_seconds():,.3f} s too new", needed, fix)
        if at < first and not scan.knows_newest(freshness.column):
            said = f"{found}; the table may have newer ones"
            return judge_inconclusive(said, needed, f"an index on the column; or {IN_FULL}")
        if at < first:
            fix = "docs/checks.md: older than asked for; another recovery point, or a larger tolerance_seconds"
            return judge_failed(f"{found}, {(first - at).total_seconds():,.3f} s too old", needed, fix)
        return judge_passed(found, needed)

    chance = 1.0 if scan.knows_newest(freshness.column) else scan.chance
    return Check(name, judge, (scan.question,), needed, chance=chance)


def _describe_sample(scan: TableScan, column: str) -> str:
    return "" if scan.knows_newest(column) else " of the rows that were read"


def _build_future_checks(
    passes: Mapping[Table, TableScan], declared: Iterable[Freshness], restore_point: datetime | None
) -> Iterator[Check]:
    """Times after the restore point where none is declared: advice, since a column's name is all there is to go by."""
    judged = {(freshness.table, freshness.column) for freshness in declared}
    for table, scan in sorted(passes.items()):
        for column in sorted(scan.newest):
            if restore_point is not None and (table, column) not in judged:
                yield _build_not_after_check(
                    f"future:{table}.{quote(column)}", scan, column, restore_point.astimezone(UTC)
                )


def _build_not_after_check(name: str, scan: TableScan, column: str, point: datetime) -> Check:
    last = point + CLOCKS
    needed = f"nothing later than {format_time(last)}"

    def judge(answers: Sequence[Answer]) -> Judgement:
        newest = answers[0].row[scan.newest[column]]
        if newest is None:
            return judge_passed("no timestamp", needed)
        at = from_epoch(newest)
        if newest > 0 and (at is None or at > last):
            found = f"newest {format_time_micros(at)}" if at else f"newest is {newest} s"
            fix = (
                "docs/checks.md: is this data from after the restore point? declare a column that may lie in the future"
            )
            return judge_failed(found, needed, fix)
        of = _describe_sample(scan, column)
        return judge_passed((f"newest {format_time_micros(at)}" if at else f"newest is {newest} s") + of, needed)

    chance = 1.0 if scan.knows_newest(column) else scan.chance
    return Check(name, judge, (scan.question,), needed, severity=Severity.ADVISORY, chance=chance)


def _build_tables_of_source_check(passes: Mapping[Table, TableScan], source: Catalog) -> Check:
    """A table that the source has, with rows in it, is not missing or empty in the candidate."""
    theirs = [facts for facts in source.tables if not facts.partition]
    compared = [facts for facts in theirs if not facts.unlogged and facts.table in passes]
    has_rows = {
        facts.table: Question(
            f"source:has_rows:{facts.table}", query("has_rows", table=facts.table.identifier), Side.SOURCE
        )
        for facts in compared
    }
    scanned = [passes[facts.table].question for facts in compared]
    missing = [facts.table for facts in theirs if facts.table not in passes]
    needed = "every table of the source, with rows where the source has any"

    def judge(answers: Sequence[Answer]) -> Judgement:
        counts, filled = answers[: len(compared)], answers[len(compared) :]
        empty = [
            facts.table
            for facts, count, there in zip(compared, counts, filled, strict=True)
            if there.row["has_rows"] and not count.row["rows"]
        ]
        wrong = [f"{table} is missing" for table in missing] + [f"{table} is empty" for table in empty]
        if wrong:
            fix = "docs/checks.md: is the recovery point earlier than the table? then waive the check"
            return judge_failed("; ".join(wrong), needed, fix)
        if not theirs:
            return judge_inconclusive("the source has no tables", needed, "docs/checks.md: give the right source")
        return judge_passed(f"{format_number(len(theirs), 'table')} of the source are here", needed)

    return Check("tables-of-source", judge, (*scanned, *has_rows.values()), needed)
