"""Commands of the stand-in engine, on a project of their own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from pulumi import automation

from tests.support.standins.engine_project import Workspace


def test_a_stack_goes_through_its_life(workspace: Workspace) -> None:
    assert "+ 3 created" in workspace.up()
    assert "3 unchanged" in workspace.up()
    workspace.ok("config", "set", "first", "2")
    preview = workspace.ok("preview")
    assert "pulumi:index:Stash first update [diff: ~input]" in preview
    assert max(map(len, preview.splitlines())) <= 80
    workspace.up()
    assert workspace.ok("stack", "output", "value").strip() == "2"
    assert "- 3 deleted" in workspace.ok("destroy", "--yes", "--skip-preview")
    assert workspace.resources() == {}


def test_a_secret_is_never_shown_nor_kept_in_clear(workspace: Workspace) -> None:
    workspace.ok("config", "set", "--secret", "hidden", "hunter2")
    shown = workspace.up() + workspace.ok("preview", "--json") + workspace.ok("stack", "history", "--json")
    shown += workspace.ok("config", "--json") + workspace.ok("stack", "export") + workspace.ok("stack", "output")
    kept = [path.read_text() for path in workspace.root.rglob("*.json")]
    assert not any("hunter2" in text for text in [shown, *kept])
    assert "hunter2" in workspace.ok("stack", "output", "hidden", "--show-secrets")


def test_a_name_in_a_key_like_a_secret_s_is_stored_only_as_plaintext_or_sealed(workspace: Workspace) -> None:
    """The CLI refuses it; a printed command that forgets the flag stops whoever pastes it."""
    name = ("config", "set", "--path", "secret.sourceHost", "127.164.157.161")
    refused = workspace.run(*name)
    assert refused.code == 1
    assert "looks like a secret; rerun with --secret to encrypt it, or --plaintext" in refused.err
    workspace.ok("config", "set", "--plaintext", *name[2:])
    assert workspace.ok("config", "get", "--path", "secret.sourceHost").strip() == "127.164.157.161"


def test_a_wrong_passphrase_reveals_and_changes_nothing(workspace: Workspace) -> None:
    workspace.ok("config", "set", "--secret", "hidden", "hunter2")
    workspace.up()
    before = workspace.resources()
    result = workspace.run("up", "--yes", "--skip-preview", PULUMI_CONFIG_PASSPHRASE="other")
    assert result.code == 1
    assert "incorrect passphrase" in result.err
    assert workspace.resources() == before


def test_an_unchanged_state_keeps_its_ciphertext(workspace: Workspace) -> None:
    workspace.ok("config", "set", "--secret", "hidden", "hunter2")
    workspace.up()
    sealed = workspace.resources()["sample-dev"]["outputs"]["hidden"]
    workspace.up()
    assert workspace.resources()["sample-dev"]["outputs"]["hidden"] == sealed


def test_a_damaged_checkpoint_is_refused(workspace: Workspace) -> None:
    workspace.up()
    file = workspace.root / "state/.pulumi/stacks/sample/dev.json"
    file.write_text(file.read_text()[:-20])
    result = workspace.run("preview")
    assert result.code == 1
    assert "is damaged" in result.err


def test_preview_json_is_one_document(workspace: Workspace) -> None:
    found = json.loads(workspace.ok("preview", "--json"))
    assert [step["op"] for step in found["steps"]] == ["create"] * 3
    assert found["changeSummary"] == {"create": 3}


def test_up_json_is_a_document_then_a_line_for_each_event(workspace: Workspace) -> None:
    lines = workspace.ok("up", "--yes", "--skip-preview", "--json").splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["sequence"] for event in events] == list(range(len(events)))
    assert "summaryEvent" in events[-2]


def test_expect_no_changes_has_an_exit_code_of_its_own(workspace: Workspace) -> None:
    assert workspace.run("preview", "--expect-no-changes").code == 7
    workspace.up()
    assert workspace.run("preview", "--expect-no-changes").code == 0


def test_an_update_that_exceeds_its_plan_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    workspace.up()
    plan = str(tmp_path / "plan.json")
    workspace.ok("config", "set", "first", "2")
    workspace.ok("preview", "--save-plan", plan)
    workspace.ok("config", "set", "first", "3")
    result = workspace.run("up", "--yes", "--skip-preview", "--plan", plan)
    assert result.code == 1
    assert "violates plan: properties changed: ~~input[{2}!={3}]" in result.out
    assert workspace.resources()["first"]["inputs"]["input"] == "1"
    workspace.ok("config", "set", "first", "2")
    assert "~ 2 updated" in workspace.up("--plan", plan)


def test_what_was_planned_and_does_not_come_up_fails_the_update(workspace: Workspace, tmp_path: Path) -> None:
    plan = str(tmp_path / "plan.json")
    workspace.ok("preview", "--save-plan", plan)
    workspace.write("name: sample\nruntime: python\n", "import pulumi; pulumi.Stash('first', input='1')")
    result = workspace.run("up", "--yes", "--skip-preview", "--plan", plan)
    assert result.code == 1
    assert "none were seen" in result.out


def test_state_delete_forgets_one_resource_and_refuses_what_others_stand_on(workspace: Workspace) -> None:
    workspace.up()
    first, second = workspace.urn("first"), workspace.urn("second")
    result = workspace.run("state", "delete", first, "--yes")
    assert result.code == 1
    assert second in result.err
    assert "Resource deleted" in workspace.ok("state", "delete", second, "--yes")
    assert "Resource deleted" in workspace.ok("state", "delete", first, "--yes")
    assert set(workspace.resources()) == {"sample-dev", "default"}


def test_a_protected_resource_leaves_the_state_only_after_unprotect(workspace: Workspace) -> None:
    workspace.ok("config", "set", "protect", "true")
    workspace.up()
    urn = workspace.urn("second")
    assert workspace.run("state", "delete", urn, "--yes").code == 1
    assert "1 resources unprotected" in workspace.ok("state", "unprotect", urn, "--yes")
    workspace.ok("state", "delete", urn, "--yes")
    assert "second" not in workspace.resources()


def test_a_renamed_resource_is_the_same_one_to_the_program(workspace: Workspace) -> None:
    workspace.up()
    workspace.ok("state", "rename", workspace.urn("first"), "other", "--yes")
    program = (workspace.directory / "__main__.py").read_text().replace('"first", input', '"other", input')
    workspace.write("name: sample\nruntime: python\n", program)
    assert "3 unchanged" in workspace.ok("preview", "--expect-no-changes")


def test_the_state_is_edited_without_the_passphrase_and_keeps_its_secrets(workspace: Workspace) -> None:
    workspace.ok("config", "set", "--secret", "hidden", "hunter2")
    workspace.up()
    workspace.env.pop("PULUMI_CONFIG_PASSPHRASE")
    workspace.ok("state", "delete", workspace.urn("second"), "--yes")
    workspace.env["PULUMI_CONFIG_PASSPHRASE"] = "secret words"
    assert workspace.ok("stack", "output", "hidden", "--show-secrets").strip() == "hunter2"


def test_a_required_version_is_enforced(workspace: Workspace) -> None:
    workspace.write("name: sample\nruntime: python\nrequiredPulumiVersion: '>=99'\n", "")
    result = workspace.run("preview")
    assert result.code == 1
    assert "does not satisfy the version range" in result.err


@pytest.mark.parametrize(("answer", "created"), [("yes", True), ("no", False)])
def test_at_a_terminal_up_asks_and_heeds_the_answer(workspace: Workspace, answer: str, created: bool) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        ["pulumi", "up"],
        cwd=workspace.directory,
        env=workspace.env,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"Do you want to perform this update?" not in shown:
        shown += os.read(controller, 4096)
    os.write(controller, answer.encode() + b"\n")
    while True:
        try:
            shown += os.read(controller, 4096)
        except OSError:  # the other side is closed: the command has ended
            break
    os.close(controller)
    assert (process.wait(60) == 0) is created
    assert ("first" in workspace.resources()) is created


@pytest.fixture
def automated(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name, value in workspace.env.items():
        monkeypatch.setenv(name, value)
    return workspace


def test_the_automation_api_runs_a_local_program(automated: Workspace) -> None:
    stack = automation.select_stack("dev", work_dir=str(automated.directory))
    stack.set_config("hidden", automation.ConfigValue("hunter2", secret=True))
    lines: list[str] = []
    result = stack.up(message="first", on_output=lines.append)
    assert result.summary.resource_changes == {"create": 3}
    assert result.outputs["hidden"].secret
    assert stack.preview().change_summary == {"same": 3}
    stack.set_all_config({"first": automation.ConfigValue("2"), "a:b": automation.ConfigValue("x=true")})
    assert stack.get_all_config()["a:b"].value == "x=true"
    stack.up(message="second")
    past = stack.history(show_secrets=True)
    assert [update.message for update in past] == ["second", "first"]
    assert past[1].config["sample:hidden"].value == "hunter2"
    assert stack.destroy().summary.result == "succeeded"


def test_the_automation_api_runs_a_function_and_hears_of_its_failure(automated: Workspace) -> None:
    def program() -> None:
        raise ValueError("no such thing")

    stack = automation.create_or_select_stack("other", project_name="inline", program=program)
    with pytest.raises(automation.errors.CommandError, match="no such thing"):
        stack.up()
