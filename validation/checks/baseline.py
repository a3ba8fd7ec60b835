"""The database against its baseline: what was there when all was well is there again.

A table may have lost rows for good reasons, which is why counts are compared only where bounds are declared. What a
restore to a later time can't have lost is a whole table, all of a table's rows, or a position of a sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from validation.baseline.model import Baseline, BaselineError, Position
from validation.checks.check import Check, Judgement, build_settled, judge_failed, judge_inconclusive, judge_passed
from validation.connect.query import Answer, Question, Row
from validation.expectations.table_names import Table
from validation.schema.catalog import Catalog
from validation.schema.table_scan import TableScan
from validation.sql.queries import query
from validation.terminal import format_number
from validation.times import format_time
from validation.verdict import Severity


def build_checks(
    passes: Mapping[Table, TableScan],
    catalog: Catalog,
    baseline: Baseline | BaselineError | None,
    restore_point: datetime | None,
) -> Iterator[Check]:
    """Yields the checks; without a baseline none; one that was wanted and can't be had is INCONCLUSIVE."""
    if baseline is None:
        return
    if isinstance(baseline, BaselineError):
        yield build_settled("baseline", judge_inconclusive(baseline.found, baseline.needed, baseline.fix))
        return
    if restore_point is not None and baseline.taken > restore_point:
        yield _build_too_late_check(baseline, restore_point)
        return
    yield _build_tables_check(passes, catalog, baseline)
    yield _build_sequences_check(baseline)


def fit_baseline(baseline: Baseline | BaselineError | None, restore_point: datetime | None) -> Baseline | None:
    """Returns the baseline, if there is one that the restored data must contain."""
    if not isinstance(baseline, Baseline) or (restore_point is not None and baseline.taken > restore_point):
        return None
    return baseline


def _build_too_late_check(baseline: Baseline, restore_point: datetime) -> Check:
    said = f"a baseline of {format_time(baseline.taken)}, after the restore point {format_time(restore_point)}"
    fix = "docs/checks.md: give a baseline from before the restore point, or none"
    return build_settled("baseline", judge_inconclusive(said, "a baseline that the restored data must contain", fix))


def _build_tables_check(passes: Mapping[Table, TableScan], catalog: Catalog, baseline: Baseline) -> Check:
    here = [table for table in baseline.tables if table in passes]
    missing = [table for table in baseline.tables if table not in catalog.by_name]
    needed = f"every table of the baseline of {format_time(baseline.taken)}, with rows where it had any"

    def judge(answers: Sequence[Answer]) -> Judgement:
        pairs = zip(here, answers, strict=True)
        empty = [table for table, answer in pairs if baseline.tables[table].rows and not answer.row["rows"]]
        wrong = [f"{table} is missing" for table in missing] + [f"{table} is empty" for table in empty]
        if wrong:
            return judge_failed(
                "; ".join(wrong),
                needed,
                "docs/checks.md: dropped or emptied on purpose? then record a new baseline",
            )
        return judge_passed(f"{format_number(len(baseline.tables), 'table')} of the baseline are here", needed)

    return Check("tables-of-baseline", judge, tuple(passes[table].question for table in here), needed)


def _build_sequences_check(baseline: Baseline) -> Check:
    """Advisory: a sequence that somebody restarted on purpose stands behind its baseline too."""
    needed = f"every sequence where it was at {format_time(baseline.taken)}, or beyond"

    def judge(answers: Sequence[Answer]) -> Judgement:
        sequences = answers[0].row["sequences"]
        wrong, closed = find_behind(baseline.sequences, sequences)
        if wrong:
            fix = "docs/checks.md: is the recovery point the earlier one, or was the sequence restarted on purpose?"
            return judge_failed("; ".join(wrong), needed, fix)
        if closed:
            return judge_inconclusive(
                f"no right to read {', '.join(closed)}", needed, "GRANT pg_read_all_data TO <user>"
            )
        return judge_passed(f"{format_number(len(baseline.sequences), 'sequence')} at or beyond the baseline", needed)

    question = Question("sequence-positions", query("sequence_positions"))
    return Check("sequences-of-baseline", judge, (question,), needed, severity=Severity.ADVISORY)


def find_behind(positions: Mapping[Table, Position], sequences: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Returns what of the wanted isn't there or stands behind, and the names of those that can't be read."""
    here = {Table(row["schema"], row["name"]): row for row in sequences}
    closed = [name for name in positions if name in here and not here[name]["readable"]]
    wrong = [f"{name} is missing" for name in positions if name not in here]
    for name, position in positions.items():
        if name in here and name not in closed and position.is_beyond(here[name]["last"]):
            now = "has given no value" if here[name]["last"] is None else f"stands at {here[name]['last']:,}"
            wrong.append(f"{name} {now}, the baseline's at {position.last:,}")
    return wrong, [str(name) for name in closed]
