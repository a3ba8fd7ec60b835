"""A demo points to a report that is still there when it has ended."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sandbox.demo.stage import DemoError, Stage, running_sandbox, show
from sandbox.machine.layout import Layout
from sandbox.runtime.lifecycle import purge


class Commands:
    """Plays the commands of a demo: the sandbox's state appears and goes, a restore writes where it is told to."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.evidence = Path()

    def run(self, words: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if "down" in words:
            purge(self.layout)
        elif words[1:4] == ("config", "set", "evidence"):
            self.evidence = Path(words[4])
        elif "up" in words and words[0] != "pulumi":
            self.layout.root.mkdir()
            self.layout.record.write_text("{}")
        elif "up" in words:
            page = self.evidence / "prod" / "inc-1" / "report.html"
            page.parent.mkdir(parents=True)
            page.write_text("the report")
        return subprocess.CompletedProcess(words, 0, "", "")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    layout = Layout.at(tmp_path / "demo")
    monkeypatch.setattr(subprocess, "run", Commands(layout).run)
    return Stage(layout, Console(file=io.StringIO(), width=80), {})


def play(stage: Stage) -> str:
    with running_sandbox(stage, keep=False):
        stage.select("prod")
        stage.run("pulumi", "up")
    show(stage, [], stage.records("inc-1", "prod"))
    assert isinstance(stage.console.file, io.StringIO)
    return stage.console.file.getvalue()


def test_the_report_that_a_demo_names_at_its_end_outlives_the_sandbox(stage: Stage) -> None:
    page = Path(play(stage).rpartition("report: ")[2].strip())
    assert page.read_text() == "the report"
    assert not stage.layout.root.exists()


def test_records_of_an_earlier_run_are_not_taken_for_those_of_this_one(stage: Stage) -> None:
    play(stage)
    play(stage)
    with pytest.raises(DemoError), running_sandbox(stage, keep=False):
        raise DemoError("before anything is restored")
    assert not stage.evidence.exists()
