"""A validation of what the runbook checks, and of nothing else that ours would: for the comparison with psql.

python -m bench.validation.same_checks CHECKS: the URL stands in the variable CHECKED; exit code 0 for PASS.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from validation import RunOptions, Target, Verdict, as_text, load, run
from validation.checks.check import Check
from validation.commands.common import read_environment
from validation.runner import build_checks

FAMILIES = frozenset({"server", "tables", "rows", "freshness", "not-null", "must-exist", "foreign-key"})
all_checks = build_checks.build_checks


def runbook_checks(*arguments: Any, **named: Any) -> tuple[Check, ...]:
    planned = all_checks(*arguments, **named)
    return tuple(check for check in planned if check.name.partition(":")[0] in FAMILIES)


def main(checks: str, restore_point: str) -> int:
    build_checks.build_checks = runbook_checks
    target = Target.from_url(read_environment("CHECKED", "CHECKED"))
    report = run(target, load(Path(checks)), RunOptions(restore_point=datetime.fromisoformat(restore_point)))
    sys.stdout.write(as_text(report))
    return 0 if report.verdict is Verdict.PASS else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
