"""`python -m validation run`: validates one database; the exit code is the verdict."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from validation.commands import common
from validation.commands.common import Command, UsageError
from validation.expectations import load
from validation.model import Verdict
from validation.render import as_json, as_text
from validation.runner import run

EXIT: Mapping[Verdict, int] = {
    Verdict.PASS: common.DONE,
    Verdict.FAIL: common.FAILED,
    Verdict.INCONCLUSIVE: common.INCONCLUSIVE,
}


def declare(command: argparse.ArgumentParser) -> None:
    command.add_argument("--checks", required=True, type=Path, metavar="FILE", help="expectations, TOML")
    common.add_url(command, "target", "the restored database", required=True)
    common.add_url(command, "source", "the database to compare with", required=False)
    command.add_argument("--restore-point", metavar="T", help="RFC 3339 time with zone")
    command.add_argument("--expected-address", metavar="IP[:PORT]", help="what the server must report")
    command.add_argument("--waive", action="append", default=[], metavar="CHECK=REASON", help="repeatable")
    command.add_argument("--budget", type=common.seconds, metavar="SECONDS", help="wins over limits.budget_seconds")
    command.add_argument("--until-first-failure", action="store_true", help="ask nothing more after a first FAIL")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")


def act(options: argparse.Namespace) -> int:
    expectations = load(options.checks)
    report = run(
        common.required_target(options, "target", options.expected_address),
        expectations,
        source=common.target(options, "source"),
        restore_point=common.moment(options.restore_point, "--restore-point"),
        waivers=waivers(options.waive),
        budget_seconds=options.budget,
        until_first_failure=options.until_first_failure,
    )
    sys.stdout.write(json.dumps(as_json(report), indent=2) + "\n" if options.json else as_text(report))
    return EXIT[report.verdict]


def waivers(texts: Sequence[str]) -> dict[str, str]:
    """CHECK=REASON; a check's own name can hold `=`, in parentheses."""
    waivers: dict[str, str] = {}
    for text in texts:
        match = re.fullmatch(r"([^=(]+(?:\(.*\))?)=(.*)", text, re.DOTALL)
        if not match or not match[2].strip():
            raise UsageError(f"--waive: found {text!r}, needs CHECK=REASON, e.g. sequence=known gap")
        waivers[match[1].strip()] = match[2].strip()
    return waivers


COMMAND = Command("run", "run all checks", declare, act)
