"""`python -m validation loss`: what a switch from one database to another loses, brings back and changes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from validation.commands import common
from validation.commands.common import Command
from validation.loss import Status, as_json, as_text, run
from validation.loss.runner import BUDGET_SECONDS, WORKERS

EXIT: Mapping[Status, int] = {
    Status.EQUAL: common.DONE,
    Status.DIFFERENT: common.FAILED,
    Status.UNKNOWN: common.INCONCLUSIVE,
}


def declare(command: argparse.ArgumentParser) -> None:
    common.add_url(command, "source", "the database that a switch leaves", required=True)
    common.add_url(command, "target", "the database that it goes to", required=True)
    command.add_argument(
        "--budget", type=common.seconds, default=BUDGET_SECONDS, metavar="SECONDS", help="default: %(default)s"
    )
    command.add_argument(
        "--workers", type=int, choices=range(1, 33), default=WORKERS, metavar="N", help="tables at a time, 1-32"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of text")


def act(options: argparse.Namespace) -> int:
    report = run(
        common.required_target(options, "source"),
        common.required_target(options, "target"),
        budget_seconds=options.budget,
        workers=options.workers,
    )
    sys.stdout.write(json.dumps(as_json(report), indent=2) + "\n" if options.json else as_text(report))
    return EXIT[report.status]


COMMAND = Command("loss", "compare two databases row by row: what a switch loses and brings back", declare, act)
