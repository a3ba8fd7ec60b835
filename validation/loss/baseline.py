"""The loss report when the source is gone: what the candidate holds against what a baseline says was there. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from validation.baseline.model import Baseline, TableState, stamp
from validation.loss.model import Difference, LossReport, Part, Precision, Status, TableLoss
from validation.names import quoted

COUNTS_ONLY = "by numbers of rows alone: rows that were changed, or replaced by others, don't show"


def against_baseline(baseline: Baseline, candidate: Baseline) -> LossReport:
    """Compares two states by their numbers of rows: those are estimates, and no table is called equal.

    What was written between the baseline and the loss of the source is in neither.
    """
    names = sorted(baseline.tables.keys() | candidate.tables.keys())
    tables = tuple(_table(str(name), baseline.tables.get(name), candidate.tables.get(name)) for name in names)
    return LossReport(
        tables,
        f"the baseline of {baseline.database}",
        candidate.database,
        _epoch(baseline.taken),
        _epoch(candidate.taken),
    )


def _epoch(moment: datetime) -> Decimal:
    return Decimal(str(moment.timestamp()))


def _table(name: str, here: TableState | None, there: TableState | None) -> TableLoss:
    rows = here.rows if here else None, there.rows if there else None
    more = (rows[0] or 0) - (rows[1] or 0)
    return TableLoss(
        name,
        Status.DIFFERENT if more or None in rows else Status.UNKNOWN,
        Precision.ESTIMATED,
        *rows,
        difference=Difference(Part(max(0, more)), Part(max(0, -more))),
        notes=(*_notes(here, there), COUNTS_ONLY),
    )


def _notes(here: TableState | None, there: TableState | None) -> Iterator[str]:
    if here is None or there is None:
        yield f"not in the {'baseline' if here is None else 'candidate'}"
        return
    if here.rows == there.rows:
        yield "as many rows as in the baseline"
    for column, newest in sorted(here.newest.items()):
        found = there.newest.get(column)
        if found is None or found < newest:
            now = stamp(found) if found else "no value"
            yield f"newest {quoted(column)}: {stamp(newest)} in the baseline, {now} in the candidate"
