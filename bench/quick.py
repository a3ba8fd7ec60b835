"""`make bench-quick`: what an operator waits for on the sandbox, in whole-process seconds.

Each figure is the median of ROUNDS runs where the step can be repeated; sandbox start and the two moving `up`s are
single runs. The machine's own noise is in them: compare within one run.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sandbox.application.database import wait_restorable
from sandbox.aws.client import clients
from sandbox.demo.stage import operator_environment
from sandbox.machine.layout import CHECKOUT, Layout

ROUNDS = 3
STACK = "bench"
LINKED = ("restore", "validation", ".venv")
COPIED = ("Pulumi.yaml", "__main__.py")


class BenchError(Exception):
    """A command failed; its figure would mean nothing."""


def timed(command: list[str], folder: Path, variables: Mapping[str, str]) -> float:
    """Seconds of one whole process. Raises BenchError with its output when it fails."""
    began = time.monotonic()
    result = subprocess.run(command, cwd=folder, env=dict(variables), capture_output=True, text=True, check=False)
    if result.returncode:
        raise BenchError(f"{' '.join(command)}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return time.monotonic() - began


def median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(ROUNDS))


def project(folder: Path) -> Path:
    """The program as it stands in the checkout, in a folder of its own, so that no stack file is left behind."""
    folder.mkdir()
    for name in LINKED:
        (folder / name).symlink_to(CHECKOUT / name)
    for name in COPIED:
        shutil.copy(CHECKOUT / name, folder / name)
    return folder


def sandbox(layout: Layout, *words: str) -> list[str]:
    return [sys.executable, "-m", "sandbox", *words, "--dir", str(layout.root)]


def measured(root: Path) -> dict[str, float]:
    layout, folder = Layout.at(root / "sandbox"), project(root / "project")
    variables = operator_environment(layout)
    up = sandbox(layout, "up", "--stack", STACK, "--project", str(folder))
    figures: dict[str, float] = {}
    try:
        figures["sandbox_start_s"] = timed(up, CHECKOUT, variables)
        figures |= restored(layout, folder, variables)
    finally:
        timed(sandbox(layout, "down", "--purge"), CHECKOUT, variables)
    return figures


def restored(layout: Layout, folder: Path, variables: Mapping[str, str]) -> dict[str, float]:
    def pulumi(*words: str) -> float:
        return timed(["pulumi", *words], folder, variables)

    def up() -> float:
        return pulumi("up", "--yes", "--skip-preview")

    figures: dict[str, float] = {}
    pulumi("stack", "select", "--create", STACK)
    target = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for key, value in (("id", "bench"), ("method", "pitr"), ("time", target), ("traffic", "frozen")):
        pulumi("config", "set", key, value)
    wait_restorable(clients(layout), target)
    figures["preview_s"] = median(lambda: pulumi("preview"))
    figures["up_frozen_s"] = up()
    pulumi("config", "set", "traffic", "restored")
    figures["up_restored_s"] = up()
    figures["noop_up_s"] = median(up)
    return figures


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="restore-bench-") as root:
        figures = measured(Path(root))
    table = Table(title="Seconds", title_justify="left")
    table.add_column("figure")
    table.add_column("s", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:.1f}")
    Console().print(table)
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
