"""The loss report when the source is gone: what the candidate holds against what a baseline says was there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from validation.baseline.model import Baseline, TableState
from validation.baseline.record import record
from validation.connect.target import Target
from validation.expectations.model import Limits
from validation.loss.model import Against, Difference, LossReport, Newest, Precision, RowSet, Status, TableLoss

COUNTS_ONLY = (
    "by numbers of rows and newest times alone: rows that were changed, or replaced by others, don't show, so no table "
    "is called equal; what was written after the baseline is in neither"
)


def estimate_loss(baseline: Baseline, candidate: Target, limits: Limits) -> LossReport:
    """Reads the candidate as a baseline is read, and compares the two. Raises Unread."""
    began = time.monotonic()
    report = compare_with_baseline(baseline, record(candidate, limits))
    return replace(report, candidate=str(candidate), seconds=time.monotonic() - began)


def compare_with_baseline(baseline: Baseline, candidate: Baseline) -> LossReport:
    """Compares two states by their numbers of rows and newest times: estimates, and no table is called equal."""
    names = sorted(baseline.tables.keys() | candidate.tables.keys())
    return LossReport(
        tuple(_compare_table(str(name), baseline.tables.get(name), candidate.tables.get(name)) for name in names),
        f"the baseline of {baseline.database}",
        candidate.database,
        _read_epoch(baseline.taken),
        _read_epoch(candidate.taken),
        against=Against.BASELINE,
        notes=(COUNTS_ONLY,),
    )


def _read_epoch(moment: datetime | None) -> Decimal | None:
    return None if moment is None else Decimal(str(moment.timestamp()))


def _compare_table(name: str, here: TableState | None, there: TableState | None) -> TableLoss:
    rows = here.rows if here else None, there.rows if there else None
    more = (rows[0] or 0) - (rows[1] or 0)
    newest = tuple(_list_newest(here, there)) if here and there else ()
    return TableLoss(
        name,
        Status.DIFFERENT if more or newest or None in rows else Status.UNKNOWN,
        Precision.ESTIMATED,
        *rows,
        difference=Difference(RowSet(max(0, more)), RowSet(max(0, -more))),
        notes=() if here and there else (f"not in the {'candidate' if here else 'baseline'}",),
        newest=newest,
    )


def _list_newest(here: TableState, there: TableState) -> Iterator[Newest]:
    for column in sorted(here.newest.keys() | there.newest.keys()):
        times = here.newest.get(column), there.newest.get(column)
        if times[0] != times[1]:
            yield Newest(column, *map(_read_epoch, times))
