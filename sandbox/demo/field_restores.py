"""Five of the worst troubles of real restores, each on a sandbox of its own: `make demo-field`.

What the table at the end claims is read from AWS, the cluster and the databases by a witness that asks neither the
program nor its evidence. Exit code 0 only if each restore ended as it should. `--only` plays some of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from sandbox.demo.field_cases import CASES, Case
from sandbox.demo.proofs import Line
from sandbox.demo.stage import DemoError, Stage, operator_environment, running_sandbox
from sandbox.demo.witness import Witness
from sandbox.machine.layout import CHECKOUT, Layout

WIDTH = 80
FOLDER = CHECKOUT / ".sandbox-demo-field"


def play(case: Case, stage: Stage) -> list[Line]:
    """The case on a fresh sandbox; a command or a look that fails is a line that doesn't hold."""
    stage.console.rule(case.title, align="left")
    try:
        with running_sandbox(stage, keep=False):
            return case.play(stage, Witness(stage.layout, case.id))
    except (DemoError, TimeoutError, psycopg.Error) as error:
        return [Line("played to its end", str(error), False)]


def table_of(played: Mapping[str, Sequence[Line]]) -> Table:
    """All that was seen, by case, for a terminal of 80 columns."""
    table = Table(title="What happened, as AWS, the cluster and the databases tell", title_justify="left", width=WIDTH)
    for column, width in (("", 5), ("seen", 28), ("found", None)):
        table.add_column(column, overflow="fold", width=width)
    for title, lines in played.items():
        table.add_row("", f"[bold]{title}[/]", "", end_section=False)
        for line in lines:
            table.add_row("[green]holds[/]" if line.holds else "[red]FAILS[/]", line.proof, line.found)
        table.add_section()
    return table


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m sandbox.demo.field_restores", description=__doc__)
    parser.add_argument("--dir", type=Path, default=FOLDER, help="its sandboxes' state: this name, and the case's")
    parser.add_argument("--only", nargs="+", choices=[case.id for case in CASES], help="these cases alone")
    arguments = parser.parse_args(words)
    console, played, seconds = Console(), dict[str, list[Line]](), 0.0
    for case in (case for case in CASES if not arguments.only or case.id in arguments.only):
        layout = Layout.at(arguments.dir.with_name(f"{arguments.dir.name}-{case.id}"))
        stage = Stage(layout, console, operator_environment(layout))
        played[case.title] = play(case, stage)
        seconds += sum(stage.seconds.values())
        console.print(f"report: {stage.records(case.id) / 'report.html'}", highlight=False, soft_wrap=True)
    console.print(table_of(played))
    return 0 if all(line.holds for lines in played.values() for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
