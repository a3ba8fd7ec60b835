"""The main job on the sandbox, as an operator would do it: `make demo`.

Starts the sandbox, lets the application write, breaks the data, and runs the operator's own commands on the project
as it stands in the repository. Ends with a table of what was proved; exit code 0 only if every line holds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from sandbox.demo.proofs import Database, Proofs, lines
from sandbox.demo.stage import STACK, Stage, break_data, command, running_sandbox, show

ID = "inc-1234"


def restore(stage: Stage, happened: Mapping[str, Any]) -> Proofs:
    source, candidate = Database(stage.layout, "source"), Database(stage.layout, "candidate", ID)
    stage.title("The operator sets what should be true, and looks at what that means")
    stage.select(STACK)
    stage.config(id=ID, method="pitr", time=str(happened["restore_to"]), traffic="frozen")
    stage.run("pulumi", "preview", phase="preview")
    stage.title("Stop the writers, restore in parallel, prove the data")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: frozen")
    proofs = Proofs(happened, source.content(happened), candidate.content(happened))
    stage.title("Switch the applications over")
    stage.config(traffic="restored")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: restored")
    proofs.after["restored"] = (source.sessions(), candidate.sessions())
    return proofs


def back_and_forth(stage: Stage, proofs: Proofs) -> None:
    source, candidate = Database(stage.layout, "source"), Database(stage.layout, "candidate", ID)
    stage.title("The way back: an earlier configuration, applied through frozen")
    stage.run("pulumi", "stack", "history", "--page-size", "2")
    stage.run("python", "-m", "restore", "rollback", "--accept-loss", "--yes", phase="rollback (two ups)")
    proofs.after["source"] = (source.sessions(), candidate.sessions())
    stage.title("And forward again")
    stage.config(traffic="frozen")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: frozen again")
    stage.config(traffic="restored")
    stage.run("pulumi", "up", "--yes", "--skip-preview", phase="up: restored again")
    proofs.after["restored again"] = (source.sessions(), candidate.sessions())
    stage.run("python", "-m", "restore", "status")


def demonstrate(stage: Stage, *, keep: bool) -> bool:
    with running_sandbox(stage, keep=keep):
        happened = break_data(stage)
        proofs = restore(stage, happened)
        back_and_forth(stage, proofs)
        records = stage.records(ID)
        proved = lines(proofs, records)
    show(stage, proved, records)
    return all(line.holds for line in proved)


if __name__ == "__main__":
    sys.exit(command(demonstrate, "demo.main_job", ".sandbox-demo"))
