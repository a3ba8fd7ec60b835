"""The operator's two looks: what could be restored, and where a restore stands while somebody else runs it."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from restore.evidence.current_run import NAME
from restore.status.model import EXIT_CODES, Situation
from sandbox.application import names
from sandbox.machine.processes import wait_until
from tests.support.sandbox.harness import Project, Sandbox

CANDIDATE = f"{names.INSTANCE}-inc-1"


def status(project: Project) -> dict[str, Any]:
    told = project.restore("status", "--json", "--exit-code")
    document = json.loads(told.stdout)
    assert told.code == document["exit_code"] == EXIT_CODES[Situation(document["situation"])], told.text
    return document


def make_silent(project: Project) -> None:
    """Puts the last sign of life of the stack's run back by ten minutes, where it hasn't said that it ended."""
    file = project.folder / "evidence" / project.stack / NAME
    document, then = json.loads(file.read_text()), datetime.now(UTC) - timedelta(minutes=10)
    file.write_text(json.dumps({**document, "beat": then.isoformat()}))
    os.utime(file, (then.timestamp(), then.timestamp()))  # the store's own clock, which counts


@pytest.mark.slow
def test_options_are_tried_without_setting_anything_and_status_tells_of_a_running_up_and_of_a_killed_one(
    sandbox: Sandbox, project: Project
) -> None:
    before = project.pulumi("config", "--json").ok().stdout
    listed = json.loads(project.restore("options", "--json").ok().stdout)
    (first, *_) = listed["options"]
    assert (first["number"], first["method"], first["obstacle"]) == (1, "pitr", None)
    assert "This can be restored" in project.restore("options", "--check", "1").ok().text
    project.restore("options", "--check", "99").failed("option --check")
    assert project.pulumi("config", "--json").ok().stdout == before
    assert set(sandbox.instances()) == {names.INSTANCE}
    assert status(project)["situation"] == "done"

    project.config(id="inc-1", method="pitr", time="latest", traffic="frozen")
    process = project.start("pulumi", "up", "--yes", "--skip-preview")
    try:
        wait_until(lambda: CANDIDATE in sandbox.instances() or process.poll() is not None, 90, "the candidate", 0.05)
        told = status(project)
        assert told["situation"] == "running", project.output
        assert "runs `pulumi up`" in told["run"]
        assert told["next"].startswith("wait for the run of ")
        os.kill(process.pid, signal.SIGKILL)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    wait_until(lambda: project.program() is None, 60, "the killed engine's program to end")
    make_silent(project)
    told = status(project)
    assert told["situation"] in ("unfinished", "shut"), told
    assert "runs `pulumi up`" not in told["run"]

    project.pulumi("cancel", "--yes").ok()
    project.up().ok()
    told = status(project)
    assert (told["situation"], told["exit_code"], told["unread"]) == ("waiting", 11, [])
    assert told["next"].startswith("pulumi config set traffic restored")
    assert {gate["state"] for gate in told["gates"]} == {"open"}
    assert {place["what"] for place in told["places"]} == {"source", "candidate", "safety snapshot", "applications"}
    measured = json.loads(project.restore("options", "--json").ok().stdout)["options"]
    assert all(one["seconds_to_validated"]["measured"] for one in measured if one["method"] == "pitr")
