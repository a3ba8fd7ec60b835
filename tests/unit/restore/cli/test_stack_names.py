"""An organisation's name in front of the stack's hides no restore from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pulumi import automation

from restore.cli.stack_settings import settings_of
from restore.pulumi_stack.automation import OperatorStack

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

    def get_all_config(self) -> dict[str, automation.ConfigValue]:
        keys = {"aws:region": "us-east-1", "restore:source": "shop-prod-db", "restore:namespace": "shop-prod"}
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
    ],
)
def test_the_cli_gets_the_stacks_whole_name_and_tags_and_evidence_the_programs(
    named: str | None, meant: str, asked: Sequence[str], tmp_path: Path
) -> None:
    stack = OperatorStack(tmp_path, named)
    settings = settings_of(stack, NOW)
    assert (list(asked), stack.name, settings.stack) == ([meant], meant, "prod")
