"""`make bench-critical-path`: a hand-run restore procedure against this program, to a validated switch.

Both run for real on the same sandbox, at three paces of RDS (paces.py); reading and typing take no time. Ends with one
line of JSON; docs/critical-path.md says what each figure is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from rich.console import Console
from rich.table import Table

from bench.critical_path.paces import PACES
from bench.critical_path.script import BY_RENAME, BY_STRING, FILE, asked_to
from bench.critical_path.ways import OUR_DECISIONS, OURS, Result, by_hand, ours

CLIENTS = ("aws", "kubectl", "psql")
Rows = dict[str, dict[str, Result]]
OUR_WAY = "this program"


def measure(wanted: list[str]) -> Rows:
    """The results by pace, and by way."""
    found: Rows = {}
    for pace in PACES:
        if pace.name in wanted:
            found[pace.name] = {**by_hand(pace), OUR_WAY: ours(pace)}
            for way, result in found[pace.name].items():
                phases = ", ".join(f"{name} {seconds / 60:.1f}" for name, seconds in result.phases.items())
                print(f"{pace.name}, {way}: {result.seconds / 60:.1f} minutes ({phases})", file=sys.stderr, flush=True)
    return found


def show(rows: Rows, console: Console) -> None:
    table = Table(title="Minutes to a validated switch", title_justify="left")
    for column in ("pace", "way", "minutes", "first validated byte", "rows left behind", "ours is faster"):
        table.add_column(column, justify="right" if column not in ("pace", "way") else "left")
    for pace, ways in rows.items():
        for way, result in ways.items():
            times = "" if way == OUR_WAY else f"{result.seconds / ways[OUR_WAY].seconds:.2f}"
            minutes, first = f"{result.seconds / 60:.1f}", f"{result.first_byte / 60:.1f}"
            table.add_row(pace, way, minutes, first, str(result.lost), times)
    console.print(table)


def summary(rows: Rows) -> dict[str, float | int | str]:
    """The line of JSON. `runbook`: the hand-run procedure with the cutover that it names first, by rename."""
    ratios = {pace: ways[BY_RENAME].seconds / ways[OUR_WAY].seconds for pace, ways in rows.items()}
    by_string = {pace: ways[BY_STRING].seconds / ways[OUR_WAY].seconds for pace, ways in rows.items()}
    lowest = min(ratios, key=lambda pace: ratios[pace])
    text = FILE.read_text()
    return {
        "ratio_runbook": round(ratios[lowest], 2),
        **{f"ratio_{pace}": round(ratio, 2) for pace, ratio in ratios.items() if pace != "low"},
        "ratio_connection_string": round(min(by_string.values()), 2),
        "pace_of_ratio_runbook": lowest,
        "runbook_s": round(rows[lowest][BY_RENAME].seconds),
        "ours_s": round(rows[lowest][OUR_WAY].seconds),
        "first_validated_byte_s": round(rows[lowest][OUR_WAY].first_byte),
        "commands_runbook": asked_to(BY_RENAME, text).commands,
        "commands_ours": len(OURS),
        "decisions_runbook": asked_to(BY_RENAME, text).decisions,
        "decisions_ours": len(OUR_DECISIONS),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.critical_path", description=__doc__)
    parser.add_argument("paces", nargs="*", default=[pace.name for pace in PACES], help="low, middle, high")
    arguments = parser.parse_args()
    if missing := [name for name in CLIENTS if shutil.which(name) is None]:
        print(f"found: no {', '.join(missing)} on PATH; needed: the real clients", file=sys.stderr)
        return 1
    rows = measure(arguments.paces)
    show(rows, Console(width=100))
    print(json.dumps(summary(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
