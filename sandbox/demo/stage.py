"""What every demo is played on: a sandbox of its own, and the operator's commands, echoed and timed."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

from sandbox.application.database import wait_restorable
from sandbox.aws.client import clients
from sandbox.demo.proofs import Line
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.runtime import environment

STACK = "sandbox-demo"
WRITE_SECONDS = 8.0


class DemoError(Exception):
    """A command failed that should not have."""


@dataclass
class Stage:
    """Runs commands as the operator would, each echoed, and keeps the time."""

    layout: Layout
    console: Console
    variables: Mapping[str, str]
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def evidence(self) -> Path:
        """Beside the sandbox's state: what was recorded outlives the sandbox, until the same demo runs again."""
        return self.layout.root.with_name(f"{self.layout.root.name}-evidence")

    def records(self, restore_id: str, stack: str = STACK) -> Path:
        return self.evidence / stack / restore_id

    def title(self, text: str) -> None:
        self.console.print(f"\n== {text}", style="bold", highlight=False)

    def run(self, *words: str, phase: str | None = None, fails: bool = False) -> None:
        """Raises DemoError when the command fails, or should have and did not."""
        self.console.print(f"$ {shlex.join(words)}", style="bold cyan", highlight=False, soft_wrap=True)
        began = time.monotonic()
        result = subprocess.run(words, cwd=CHECKOUT, env=dict(self.variables), check=False)
        if phase:
            self.seconds[phase] = time.monotonic() - began
        if bool(result.returncode) is not fails:
            raise DemoError(f"{shlex.join(words)}: exit code {result.returncode}")

    def refuses(self, *words: str, saying: str) -> str:
        """What the command printed. Raises DemoError unless it fails and names what it is about."""
        self.console.print(f"$ {shlex.join(words)}", style="bold cyan", highlight=False, soft_wrap=True)
        result = subprocess.run(
            words,
            cwd=CHECKOUT,
            env=dict(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(result.stdout, end="", flush=True)
        if not result.returncode:
            raise DemoError(f"{shlex.join(words)}: not refused")
        if saying not in result.stdout:
            raise DemoError(f"{shlex.join(words)}: refused, and {saying} isn't named")
        return result.stdout

    def read(self, *words: str) -> str:
        """What a command that only tells printed, whatever its exit code."""
        self.console.print(f"$ {shlex.join(words)}", style="bold cyan", highlight=False, soft_wrap=True)
        told = subprocess.run(
            words, cwd=CHECKOUT, env=dict(self.variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False,
        ).stdout  # fmt: skip
        print(told, flush=True)
        return told

    def config(self, **values: str) -> None:
        for key, value in values.items():
            self.run("pulumi", "config", "set", key, value)

    def select(self, stack: str) -> None:
        self.run("pulumi", "stack", "select", "--create", stack)
        self.config(evidence=str(self.evidence))

    def sandbox(self, *words: str) -> str:
        """One of the sandbox's own commands; returns its output."""
        command = [sys.executable, "-m", "sandbox", *words, "--dir", str(self.layout.root)]
        result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        if result.returncode:
            raise DemoError(f"{shlex.join(command)}: {result.stderr or result.stdout}")
        return result.stdout


@contextmanager
def running_sandbox(stage: Stage, *, keep: bool, stack: str = STACK) -> Generator[None]:
    """A fresh sandbox of the demo's own, stopped and removed at the end."""
    stage.title("A local AWS, a Kubernetes cluster and an application that writes")
    if stage.layout.root.exists():
        stage.sandbox("down", "--purge")
    shutil.rmtree(stage.evidence, ignore_errors=True)
    began = time.monotonic()
    up = [sys.executable, "-m", "sandbox", "up", "--dir", str(stage.layout.root), "--stack", stack]
    try:
        if subprocess.run(up, cwd=CHECKOUT, check=False).returncode:
            raise DemoError("the sandbox did not start")
        stage.seconds["sandbox start"] = time.monotonic() - began
        yield
    finally:
        if keep:
            stage.console.print(f"kept: {stage.layout.root}; stop it: python -m sandbox down --purge --dir <that>")
        else:
            stage.sandbox("down", "--purge")


def break_data(stage: Stage) -> dict[str, Any]:
    stage.title(f"The application writes for {WRITE_SECONDS:g} s, then a bad DELETE and a bad UPDATE")
    time.sleep(WRITE_SECONDS)
    happened = json.loads(stage.sandbox("incident"))
    damage = f"{happened['deleted']} transactions deleted, {happened['updated']} e-mail addresses ruined"
    stage.console.print(f"at {happened['at']}: {damage}", highlight=False)
    wait_restorable(clients(stage.layout), str(happened["restore_to"]))
    return happened


def show(stage: Stage, proved: Sequence[Line], records: Path) -> None:
    """The table of what was proved, the seconds it took, and where the restore's report lies from now on."""
    table = Table(title="What was proved", title_justify="left", expand=False)
    for column in ("", "proof", "found"):
        table.add_column(column, overflow="fold")
    for line in proved:
        table.add_row("[green]holds[/]" if line.holds else "[red]FAILS[/]", line.proof, line.found)
    stage.console.print(table)
    times = Table(title="Seconds", title_justify="left")
    times.add_column("phase")
    times.add_column("s", justify="right")
    for phase, taken in stage.seconds.items():
        times.add_row(phase, f"{taken:.1f}")
    stage.console.print(times)
    stage.console.print(f"report: {records / 'report.html'}", highlight=False, soft_wrap=True)


class Play(Protocol):
    def __call__(self, stage: Stage, *, keep: bool) -> bool: ...


def command(play: Play, name: str, folder: str, words: Sequence[str] | None = None) -> int:
    """A demo's command line; `folder` is where its sandbox lives in the checkout. The exit code is 0 if all holds."""
    parser = argparse.ArgumentParser(f"python -m sandbox.{name}", description=sys.modules[play.__module__].__doc__)
    parser.add_argument("--dir", type=Path, default=CHECKOUT / folder, help="state directory of its sandbox")
    parser.add_argument("--keep", action="store_true", help="leave the sandbox running at the end")
    arguments = parser.parse_args(words)
    layout, console = Layout.at(arguments.dir), Console()
    stage = Stage(layout, console, operator_environment(layout))
    try:
        return 0 if play(stage, keep=arguments.keep) else 1
    except DemoError as error:
        console.print(f"the demo failed: {error}", style="bold red", highlight=False)
        return 1


def operator_environment(layout: Layout) -> dict[str, str]:
    """What `eval "$(python -m sandbox env)"` would set; nothing of the real AWS or cluster of this user is left."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KUBE", "PULUMI_"))}
    return {**kept, **environment.variables(layout, os.environ.get("PATH", os.defpath)), "PYTHONUNBUFFERED": "1"}
