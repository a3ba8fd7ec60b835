"""`python -m validation loss`: what a switch from one database to another loses, brings back and changes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from validation.baseline import latest
from validation.commands import common
from validation.commands.common import Command, UsageError
from validation.expectations.model import Limits
from validation.loss import LossReport, Status, as_json, as_text, estimate_loss, run
from validation.loss.runner import BUDGET_SECONDS, WORKERS

EXIT: Mapping[Status, int] = {
    Status.EQUAL: common.DONE,
    Status.DIFFERENT: common.FAILED,
    Status.UNKNOWN: common.INCONCLUSIVE,
}


def declare(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    common.add_url(command, "source", "the database that a switch leaves", required=False)
    command.add_argument("--baseline", metavar="PLACE", help="where the source is gone: its newest baseline there")
    common.add_url(command, "target", "the database that a switch goes to", required=True)
    command.add_argument(
        "--budget", type=common.parse_seconds, default=BUDGET_SECONDS, metavar="SECONDS", help="default: %(default)s"
    )
    command.add_argument(
        "--workers", type=int, choices=range(1, 33), default=WORKERS, metavar="N", help="tables at a time, 1-32"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of text")


def act(options: argparse.Namespace) -> int:
    """Prints the report and returns the exit code of its status. Raises UsageError, BaselineError, Unread."""
    report = _report(options)
    sys.stdout.write(json.dumps(as_json(report), indent=2) + "\n" if options.json else as_text(report))
    return EXIT[report.status]


def _report(options: argparse.Namespace) -> LossReport:
    target, source = common.require_target(options, "target"), common.read_target(options, "source")
    if (source is None) is (options.baseline is None):
        raise UsageError("--source-env, --source-file or --baseline: needs one of them, to compare with")
    if source is not None:
        return run(source, target, budget_seconds=options.budget, workers=options.workers)
    before = latest.find_latest(latest.open_baselines(options.baseline), target.dbname)
    return estimate_loss(before, target, Limits(options.budget, options.budget, options.workers))


COMMAND = Command("loss", "compare two databases row by row: what a switch loses and brings back", declare, act)
