"""The command line's own programs run on an operator's stack: looked at first, then done, its settings kept."""

from __future__ import annotations

import pulumi
import pytest
import yaml

from restore.cutover.rollback import ConfigValue, Step
from restore.errors import PermanentError
from restore.pulumi_stack.automation import OperatorStack, PlannedStep
from tests.support.standins.engine_project import Workspace

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
    assert stack.history()[0].message == "adopt restore inc-1"


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
    assert stack.own_config().values == after["config"]
