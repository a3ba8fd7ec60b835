"""The loss report when the source is gone: the candidate's numbers of rows against those of a baseline. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from validation.loss.model import Difference, LossReport, Part, Precision, Status, TableLoss

COUNTS_ONLY = "numbers of rows alone: rows that were changed, or replaced by others, don't show"


def against_baseline(
    baseline: Mapping[str, int], counts: Mapping[str, int], *, name: str, candidate: str, taken: Decimal | None = None
) -> LossReport:
    """Compares rows per table of a baseline with those of the candidate. `taken` is the baseline's time, in seconds
    since 1970. What was written between the baseline and the loss of the source is in neither: counts are estimates,
    and no table is called equal."""
    tables = tuple(
        _table(table, baseline.get(table), counts.get(table)) for table in sorted(baseline.keys() | counts.keys())
    )
    return LossReport(tables, name, candidate, source_taken=taken)


def _table(table: str, here: int | None, there: int | None) -> TableLoss:
    more = (here or 0) - (there or 0)
    missing = "candidate" if there is None else "baseline" if here is None else ""
    return TableLoss(
        table,
        Status.DIFFERENT if more or missing else Status.UNKNOWN,
        Precision.ESTIMATED,
        here,
        there,
        Difference(Part(max(0, more)), Part(max(0, -more))),
        notes=(f"not in the {missing}" if missing else "as many rows as the baseline", COUNTS_ONLY),
    )
