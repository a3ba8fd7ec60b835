"""An organisation's name in front of the stack's hides no restore from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from pulumi import automation

from restore.cli import options, report, status
from restore.cli.stack_settings import read_settings
from restore.cutover.rollback import ConfigValue, Step
from restore.evidence import Store
from restore.inventory import gather
from restore.model.inventory import Inventory
from restore.pulumi_stack.automation import OperatorStack
from tests.support.worlds import inventory

SETTINGS = """
encryptionsalt: v1:salt
environment: [restore-common]
config:
  restore:id: inc-1
  restore:time: 2026-11-22T14:30:00Z
  restore:fence: true
  restore:apps: {api: {replicas: 3}, cron: false}
  restore:notify: {slackToken: {secure: "v1:sealed"}}
"""
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


class Cli:
    """What the Automation API is asked: the names of stacks that the CLI gets."""

    def __init__(self, selected: str, asked: list[str]):
        self.selected = selected
        self.asked = asked

    def workspace(self, work_dir: str) -> Cli:
        assert work_dir
        return self

    def stack(self) -> automation.StackSummary:
        return automation.StackSummary(self.selected, current=True, last_update=None, resource_count=None, url=None)

    def select(self, name: str, work_dir: str) -> Cli:
        assert work_dir
        self.asked.append(name)
        return self

    def export_stack(self) -> automation.Deployment:
        return automation.Deployment(version=3, deployment={"resources": []})

    def get_all_config(self) -> dict[str, automation.ConfigValue]:
        keys = {"aws:region": "us-east-1", "restore:source": "shop-prod-db", "restore:namespace": "shop-prod"}
        keys["restore:evidence"] = "evidence"
        return {key: automation.ConfigValue(value) for key, value in keys.items()}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    names: list[str] = []
    cli = Cli("acme/prod", names)
    monkeypatch.setattr(automation, "LocalWorkspace", cli.workspace)
    monkeypatch.setattr(automation, "select_stack", cli.select)
    return names


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        (None, "acme/prod"),
        ("acme/prod", "acme/prod"),
        ("acme/restore/prod", "acme/restore/prod"),
        ("prod", "prod"),
        ("organization/restore/prod", "organization/restore/prod"),  # of a bucket's backend (pulumi login s3://...)
    ],
)
def test_the_cli_gets_the_stacks_whole_name_and_tags_and_evidence_the_programs(
    named: str | None, meant: str, asked: Sequence[str], tmp_path: Path
) -> None:
    stack = OperatorStack(tmp_path, named)
    settings = read_settings(stack, NOW)
    assert (list(asked), stack.name, settings.stack) == ([meant], meant, "prod")


def share_nothing(_settings: object) -> tuple[tuple[()], str]:
    return (), ""


@pytest.fixture
def stack(asked: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OperatorStack:
    """Of an organisation, in a folder with the evidence of restore inc-1 as its program left it."""
    assert not asked
    monkeypatch.chdir(tmp_path)

    def gathered(*_: object, **__: object) -> Inventory:
        return inventory()

    monkeypatch.setattr(gather, "gather", gathered)
    monkeypatch.setattr(options, "read_shared", share_nothing)
    Store.open("evidence").write("prod", "inc-1", "run", {"began": NOW.isoformat()})
    return OperatorStack(tmp_path, None)


def test_the_report_of_an_organisations_stack_is_found_where_its_program_wrote(stack: OperatorStack) -> None:
    told = report.report(stack, "inc-1", NOW, color=False, browser=False)
    assert "inc-1" in told
    assert Path("evidence/prod/inc-1/report.html").exists()


def test_status_and_options_of_an_organisations_stack_look_for_the_programs_name(stack: OperatorStack) -> None:
    told = status.read_status(stack, NOW)
    assert (told.stack, told.serves) == ("acme/prod", "shop-prod-db is configured as source: available")
    assert [option.value for option in options.find_options(stack, None, [], NOW).options] == ["latest", "shop-nightly"]


def test_a_way_back_is_written_to_the_file_that_the_cli_reads(tmp_path: Path) -> None:
    """Pulumi.<stack>.yaml has the bare name, in an organisation and in a bucket's backend too."""
    workspace = automation.LocalWorkspace.__new__(automation.LocalWorkspace)  # made as usual it asks for the CLI
    workspace.work_dir = str(tmp_path)
    for name in ("acme/prod", "organization/restore/prod", "prod"):
        written = Path(tmp_path / "Pulumi.prod.yaml")
        written.write_text(SETTINGS)
        made = OperatorStack.__new__(OperatorStack)
        made.name, made._stack = name, Applied(workspace)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
        made.apply(Step("back", {"restore:waive": ConfigValue('{"serving": "known since Monday"}')}, ()))
        before, after = yaml.safe_load(SETTINGS), yaml.safe_load(written.read_text())
        assert after.pop("config") == {
            **before.pop("config"),
            "restore:time": "2026-11-22T14:30:00Z",
            "restore:waive": {"serving": "known since Monday"},
        }
        assert after == before


class Applied:
    """A stack whose `up` does nothing."""

    def __init__(self, workspace: automation.LocalWorkspace):
        self.workspace = workspace

    def up(self, **_: object) -> None:
        return None
