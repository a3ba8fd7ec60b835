"""The loss report: what a switch from the source to the candidate loses, brings back and changes, row by row.

report = run(source, candidate, budget_seconds=300)
report.total.lost.rows  # rows that only the source has
"""

from validation.loss.estimate import compare_with_baseline, estimate_loss
from validation.loss.model import Against, LossReport, RowSet, Status, TableLoss
from validation.loss.render import as_json, as_text, write_headline
from validation.loss.runner import run

__all__ = [
    "Against",
    "LossReport",
    "RowSet",
    "Status",
    "TableLoss",
    "as_json",
    "as_text",
    "compare_with_baseline",
    "estimate_loss",
    "run",
    "write_headline",
]
