"""`make matrix`: plays the cells on two sandboxes, prints the table, writes JSON beside it.

Exit code 0 only if no cell ended otherwise and at least 80 were played; with a selection, if no cell ended otherwise.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox.machine.layout import CHECKOUT
from tests.matrix.causes import AT, CAUSES
from tests.matrix.play import Cell, Outcome, Played
from tests.matrix.rounds import Round, Worker, arrange, playable, working
from tests.matrix.steps import STEPS, Kind, Phase

FEWEST = 80
WORKERS = 2
WIDE = 240
"""Columns of the table, also where a file takes it."""
SIGNS = {Outcome.CONVERGED: "[green]c[/]", Outcome.STOPPED: "[yellow]s[/]", Outcome.OTHER: "[bold red]OTHER[/]"}


def all_cells() -> list[Cell]:
    return [Cell(cause, step) for step in STEPS for cause in AT[step.name]]


class Matrix:
    """The rounds still to be played, and how the cells have ended."""

    def __init__(self, rounds: Sequence[Round], console: Console) -> None:
        self.left: queue.SimpleQueue[Round] = queue.SimpleQueue()
        for item in rounds:
            self.left.put(item)
        self.played: list[Played] = []
        self.broken: list[str] = []
        self._phases = {
            kind: [phase for phase in Phase if any(phase in item.phases for item in rounds if item.kind is kind)]
            for kind in Kind
        }
        self._console = console

    def stop(self) -> None:
        """No further round begins."""
        while take(self.left):
            continue

    def note(self, played: Played) -> None:
        self.played.append(played)
        self._console.print(
            f"{played.seconds:5.1f} s  {played.cell.name}: {played.outcome}  {played.said[:150]}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
        for line in played.why:
            self._console.print(f"         {line}", style="red", markup=False, highlight=False, soft_wrap=True)

    def work(self, folder: Path) -> None:
        """One worker's whole life; whatever breaks it is told, and makes the matrix fail."""
        try:
            with working(folder) as worker:
                while (item := take(self.left)) is not None:
                    self._play(worker, item)
        except BaseException:  # noqa: BLE001 - the other workers go on
            self._break(traceback.format_exc())

    def _play(self, worker: Worker, item: Round) -> None:
        try:
            self._look_undisturbed(worker, item)
            worker.play(item, self.note)
        except (AssertionError, TimeoutError, OSError) as error:
            self._break(f"round {[cell.name for cell in item.cells]}: {error}")

    def _look_undisturbed(self, worker: Worker, item: Round) -> None:
        """What the cells are compared with: each sandbox has rows and passwords of its own."""
        if (item.kind, item.dump) not in worker.undisturbed:
            worker.look_undisturbed(Round((), "folder", item.kind, item.dump), self._phases[item.kind])

    def _break(self, text: str) -> None:
        self.broken.append(text)
        self._console.print(text, style="bold red", markup=False, highlight=False, soft_wrap=True)


def take(rounds: queue.SimpleQueue[Round]) -> Round | None:
    try:
        return rounds.get_nowait()
    except queue.Empty:
        return None


def table_of(played: Sequence[Played]) -> Table:
    """A row for each cause, a column for each step; a dot where nothing was played."""
    table = Table(title="c converged, s stopped with a sentence while the cause lasted", title_justify="left")
    table.add_column("")
    ends = {(item.cell.cause.name, item.cell.step.name): item.outcome for item in played}
    steps = [step.name for step in STEPS if any(step.name == of for _, of in ends)]
    for step in steps:
        table.add_column(step)
    for cause in CAUSES:
        if any(cause.name == of for of, _ in ends):
            signs = [ends.get((cause.name, step)) for step in steps]
            table.add_row(cause.name, *(SIGNS[outcome] if outcome else "." for outcome in signs))
    return table


def as_json(played: Sequence[Played], seconds: float) -> str:
    cells = [
        {
            "step": item.cell.step.name,
            "cause": item.cell.cause.name,
            "outcome": item.outcome,
            "said": item.said,
            "why": item.why,
            "seconds": round(item.seconds, 1),
        }
        for item in played
    ]
    return json.dumps({"seconds": round(seconds), "cells": cells}, indent=1)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m tests.matrix", description=__doc__)
    parser.add_argument("--cells", default="", help="a regular expression on `step: cause`: these cells alone")
    parser.add_argument("--workers", type=int, default=WORKERS, help="sandboxes side by side")
    parser.add_argument("--json", type=Path, default=CHECKOUT / "matrix.json", help="where the cells are written")
    parser.add_argument("--list", action="store_true", help="the cells' names, and nothing else")
    arguments = parser.parse_args(words)
    wanted = [cell for cell in all_cells() if re.search(arguments.cells, cell.name)]
    if arguments.list:
        print("\n".join(cell.name for cell in wanted))
        return 0
    console, begun = Console(), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="restore-matrix-"))
    cells, unplayed = playable(wanted, may_mount(folder))
    rounds = arrange(cells)
    workers = min(arguments.workers, len(rounds)) or 1
    matrix = Matrix(rounds, console)
    threads = [threading.Thread(target=matrix.work, args=(folder / str(number),)) for number in range(workers)]
    signal.signal(signal.SIGTERM, lambda _number, _frame: matrix.stop())
    # A shell's background job ignores Ctrl-C, and so would every command that is interrupted here
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shutil.rmtree(folder, ignore_errors=True)
    if unplayed:
        console.print(
            f"not played, and not counted: {len(unplayed)} cells of full disks; only root may mount a small one"
        )
    Console(width=WIDE).print(table_of(matrix.played))
    arguments.json.write_text(as_json(matrix.played, time.monotonic() - begun))
    count = Counter(item.outcome for item in matrix.played)
    console.print(f"{time.monotonic() - begun:.0f} s; cells: {arguments.json}", highlight=False, soft_wrap=True)
    console.print(
        f"{len(matrix.played)} cells, {count[Outcome.CONVERGED]} converged, "
        f"{count[Outcome.STOPPED]} stopped while the cause lasted, {count[Outcome.OTHER]} other",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    whole = len(matrix.played) == len(cells) and (arguments.cells != "" or len(matrix.played) >= FEWEST)
    return 0 if whole and not matrix.broken and not count[Outcome.OTHER] else 1


def may_mount(folder: Path) -> bool:
    from tests.matrix.stage import small_disk

    with small_disk(folder / "try", 1) as disk:
        return disk is not None


if __name__ == "__main__":
    sys.exit(main())
