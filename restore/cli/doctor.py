"""`python -m restore doctor`: everything that a restore will need, asked on a quiet day. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from restore.cli.stack_settings import read_settings
from restore.doctor.examine import Examination
from restore.doctor.finding import Finding
from restore.errors import PermanentError, Problem
from restore.model.aws_account import Caller
from restore.model.request import Settings
from restore.pulumi_stack.automation import OperatorStack


def examine(project: Path, name: str | None) -> list[Finding]:
    """Returns the findings of a stack; that it can't be opened is one of them."""
    opened: list[OperatorStack] = []

    def open_stack() -> OperatorStack:
        """Raises PermanentError while there is none; opened once."""
        if not opened:
            try:
                opened.append(OperatorStack(project, name))
            except PermanentError as error:
                found = str(error).rpartition("error: ")[2].partition("\n")[0]
                selected = "a stack that this machine's login to Pulumi can open"
                fix = "pulumi whoami; pulumi stack ls; pulumi stack select <name>"
                raise PermanentError.of(Problem("stack", found, selected, fix)) from error
        return opened[0]

    def read_settings_with(more: Mapping[str, str]) -> Settings:
        return read_settings(open_stack(), datetime.now(UTC), more)

    def ask_plugin() -> Caller:
        # Here, not above: the plugin's SDK takes a second to load, which no other command needs
        from restore.program.aws_plugin import read_plugin_caller

        return open_stack().ask(read_plugin_caller)

    return Examination(project, read_settings_with, ask_plugin).collect_findings()
