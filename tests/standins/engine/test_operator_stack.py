"""The command line's own programs run on an operator's stack: looked at first, then done, its settings kept."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
import pytest
import yaml

from restore.cutover.rollback import ConfigValue, Step, plan_way_back, render
from restore.errors import PermanentError
from restore.pulumi_stack.automation import OperatorStack, PlannedStep
from tests.support.standins.engine_project import PROGRAM, Workspace

KEPT = PlannedStep("create", "pulumi:index:Stash", "kept")


@pytest.fixture
def stack(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> OperatorStack:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    return OperatorStack(workspace.directory, "organization/sample/dev")


def keep() -> None:
    pulumi.Stash("kept", input="what exists")


def test_a_preview_tells_each_step_and_does_none(stack: OperatorStack, workspace: Workspace) -> None:
    assert KEPT in stack.preview(keep)
    assert "kept" not in workspace.resources()


def test_what_was_previewed_is_done_and_is_there_the_next_time(stack: OperatorStack, workspace: Workspace) -> None:
    stack.up(keep, "adopt restore inc-1")
    assert workspace.resources()["kept"]["inputs"]["input"] == "what exists"
    assert "same" in {step.kind for step in stack.preview(keep) if step.name == "kept"}
    assert stack.read_history()[0].message == "adopt restore inc-1"


def test_a_program_that_fails_is_told_in_words(stack: OperatorStack) -> None:
    def fail() -> None:
        raise ValueError("no such proof")

    with pytest.raises(PermanentError, match="no such proof"):
        stack.up(fail, "adopt")


def test_keys_are_written_to_the_stacks_own_file_and_nothing_of_it_is_lost(
    stack: OperatorStack, workspace: Workspace
) -> None:
    file = workspace.directory / "Pulumi.dev.yaml"
    data = yaml.safe_load(file.read_text())
    data["config"] = {"sample:apps": {"api": {"replicas": 3}}, "sample:fence": True}
    file.write_text(yaml.safe_dump(data))
    stack.set({"sample:id": "inc-1", "sample:waive": '{"serving": "known since Monday"}'}, [])
    stack.apply(Step("back", {"sample:id": ConfigValue("inc-2")}, ("sample:fence",)))
    after = yaml.safe_load(file.read_text())
    assert after["encryptionsalt"] == data["encryptionsalt"]
    assert after["config"] == {
        "sample:apps": {"api": {"replicas": 3}},
        "sample:id": "inc-2",
        "sample:waive": {"serving": "known since Monday"},
    }
    assert stack.read_own_config().values == after["config"]


TOKEN = "xoxb-of-the-team"


def import_team(workspace: Workspace, grace: int) -> None:
    """The stack imports an environment with the keys of the site; its own file has those of one restore."""
    folder = workspace.root / "state" / ".pulumi" / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    site = {"quiet": {"graceSeconds": grace}, "apps": {"api": {"replicas": 3}}}
    secret = {"notify": {"slackToken": {"fn::secret": TOKEN}, "owner": "orders"}}
    (folder / "team.yaml").write_text(yaml.safe_dump({"values": {"pulumiConfig": {**site, **secret}}}))


def test_a_way_back_neither_loses_nor_hardens_what_an_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    workspace.write("name: restore\nruntime: python\n", PROGRAM)
    workspace.ok("stack", "init", "organization/restore/dev")
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    file, stack = (
        workspace.directory / "Pulumi.dev.yaml",
        OperatorStack(workspace.directory, "organization/restore/dev"),
    )
    import_team(workspace, 60)
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "environment": ["team"]}))
    stack.set({"restore:id": "inc-1", "restore:method": "pitr", "restore:traffic": "frozen"}, [])
    stack.apply(Step("freeze", {}, ()))
    stack.apply(Step("switch", {"restore:traffic": ConfigValue("restored")}, ()))
    before = yaml.safe_load(file.read_text())
    import_team(workspace, 61)

    way = plan_way_back(stack.read_config(), stack.read_history(), stack.read_own_config())
    assert "restore:quiet stays: the stack imports it" in render(way)
    assert TOKEN not in render(way)
    for step in way.steps:
        stack.apply(step)
    assert yaml.safe_load(file.read_text()) == {**before, "config": {**before["config"], "restore:traffic": "source"}}
    assert before["environment"] == ["team"]
    assert json.loads(stack.read_config()["restore:quiet"].text) == {"graceSeconds": 61}
    notify = stack.read_config()["restore:notify"]
    assert (notify.secret, json.loads(notify.text)["slackToken"]) == (True, TOKEN)
    kept = [*(workspace.root / "state").rglob("*.json"), file]
    assert not any(TOKEN in path.read_text() for path in kept)
