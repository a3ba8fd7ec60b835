"""The stack as the Automation API sees it: the only home of pulumi.automation; its errors translated once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pulumi import RunError, automation

from restore.config.keys import PROJECT
from restore.cutover.rollback import Config, ConfigValue, OwnConfig, Step, Update
from restore.errors import PermanentError, RestoreError
from restore.pulumi_stack import processes
from restore.pulumi_stack.settings_file import SettingsFile
from restore.units import format_moment

Value = TypeVar("Value")


@contextmanager
def translate_errors(doing: str) -> Generator[None]:
    """Raises the command line's errors as PermanentError, with what was being done."""
    try:
        yield
    except automation.CommandError as error:
        raise PermanentError(f"{doing} failed:\n{error}") from error
    except FileNotFoundError as error:
        raise PermanentError(
            f"{doing} failed: {error}\n  fix: install the Pulumi CLI, then in the project: pulumi stack select <name>"
        ) from error


@dataclass(frozen=True)
class PlannedStep:
    """What a preview says of one resource: create, import, update, same, delete, ..."""

    kind: str
    type: str
    name: str
    changes: tuple[str, ...] = ()
    """The properties that an update would change."""


class OperatorStack:
    """One stack of the project in a folder, as selected or named.

    In an organisation the CLI knows it as `acme/prod` or `acme/restore/prod` (`name`), while its program, and with it
    every tag and the evidence, knows `prod` (`program_name`), as pulumi.get_stack() gives it.
    """

    def __init__(self, folder: Path, name: str | None):
        with translate_errors("opening the stack"):
            workspace = automation.LocalWorkspace(work_dir=str(folder))
            selected = workspace.stack() if name is None else None
            self.name = name or (selected.name if selected else "")
            if not self.name:
                raise PermanentError("no stack is selected\n  fix: pulumi stack select <name>")
            self._folder = str(folder)
            self._stack = automation.select_stack(self.name, work_dir=self._folder)

    @property
    def program_name(self) -> str:
        return self.name.rpartition("/")[2]

    def read_config(self) -> Config:
        """Returns every key of the stack with its value, secrets in the clear. Raises PermanentError."""
        with translate_errors("reading the configuration"):
            return parse_values(self._stack.get_all_config())

    def read_history(self) -> tuple[Update, ...]:
        """Returns the updates, newest first, secrets in the clear: with `[secret]` in their place a rollback would
        write that text. Raises PermanentError."""
        with translate_errors("reading the history"):
            return tuple(
                Update(
                    entry.kind,
                    entry.result,
                    format_moment(entry.start_time),
                    entry.message,
                    parse_values(entry.config),
                )
                for entry in self._stack.history(show_secrets=True)
            )

    def make_other(self, folder: Path, name: str) -> OperatorStack:
        """Makes a stack beside this one, with its secrets provider, or finds it; its configuration is in `folder`, a
        project of the same name. Raises PermanentError."""
        provider = self._open_file().secrets_provider
        with translate_errors(f"making stack {name}"):
            automation.create_or_select_stack(
                name, work_dir=str(folder), opts=automation.LocalWorkspaceOptions(secrets_provider=provider)
            )
        return OperatorStack(folder, name)

    def up_as_it_is(self, message: str, show_output: Callable[[str], object]) -> None:
        """Runs `pulumi up` with the program of the folder; interrupted, it ends Pulumi first. Raises PermanentError."""
        before = set(processes.list_children())
        try:
            with translate_errors("`pulumi up`"):
                self._stack.up(message=message, on_output=show_output, color="never")
        except KeyboardInterrupt:
            processes.end_children(pid for pid in processes.list_children() if pid not in before)
            raise

    def has_resources(self) -> bool:
        """Tells whether the state holds anything, or an update that was killed."""
        deployment: Mapping[str, Any] = self.export()["deployment"] or {}
        return bool(deployment.get("resources") or deployment.get("pending_operations"))

    def forget(self) -> None:
        """Removes the stack from Pulumi, its state and its configuration; what it has made stays where it is. Only for
        a stack in which nobody else works: the lock of a command that was killed goes, too. Raises PermanentError."""
        with suppress(automation.CommandError):  # there was none
            self._stack.cancel()
        with translate_errors(f"removing stack {self.name}"):
            self._stack.workspace.remove_stack(self.name, force=True)

    def apply(self, step: Step) -> None:
        """Sets and removes the step's keys, then `pulumi up`; its output goes to the terminal as it comes. Raises
        PermanentError when either fails."""
        self.write_config(step.change, step.remove)
        try:
            self._stack.up(message=f"rollback: {step.title}", on_output=show, on_error=show, color="never")
        except automation.CommandError as error:
            raise PermanentError(
                f"`pulumi up` failed at: {step.title} (its output is above)\n"
                "  fix: do what it says, then: python -m restore rollback"
            ) from error

    def read_own_config(self) -> OwnConfig:
        """Returns what the stack's own file sets; what it imports, and defaults, aren't in it."""
        return self._open_file().read()

    def _open_file(self) -> SettingsFile:
        return SettingsFile(Path(self._stack.workspace.work_dir), self.program_name, PROJECT)

    def ask(self, question: Callable[[], Value]) -> Value:
        """Returns what a question says inside a Pulumi program of this stack: with its configuration and plugins.

        The program ends right after the question, by an error of its own, so that nothing is planned. Raises what the
        question raises, and PermanentError when the program could not be run.
        """
        answers: list[Value | RestoreError] = []

        def program() -> None:
            try:
                answers.append(question())
            except RestoreError as error:
                answers.append(error)
            raise RunError("asked")

        asking = self._open(program)
        try:
            asking.preview(suppress_outputs=True)
        except automation.CommandError as error:
            if not answers:
                raise PermanentError(f"a program of this stack could not be run:\n{error}") from error
        answer = answers[0]
        if isinstance(answer, RestoreError):
            raise answer
        return answer

    def set(self, change: Mapping[str, str], remove: Sequence[str]) -> None:
        """Sets and removes keys without an update; none of them is a secret. Raises PermanentError."""
        self.write_config({key: ConfigValue(text) for key, text in change.items()}, remove)

    def write_config(self, change: Config, remove: Sequence[str] = ()) -> None:
        """Sets and removes keys without an update, secrets as secrets, objects and lists as such in the stack's file:
        set as text, the typed schema would refuse them. Raises PermanentError."""
        objects = {key: value for key, value in change.items() if is_container(value.text) and not value.secret}
        plain = {key: value for key, value in change.items() if key not in objects}
        with translate_errors("changing the configuration"):
            if objects:
                self._open_file().set_objects({key: json.loads(value.text) for key, value in objects.items()})
            if plain:
                self._stack.set_all_config(
                    {key: automation.ConfigValue(value.text, secret=value.secret) for key, value in plain.items()}
                )
            if remove:
                self._stack.remove_all_config(list(remove))

    def preview(self, program: Callable[[], None]) -> tuple[PlannedStep, ...]:
        """Returns what an `up` with this program would do to each resource of this stack. Raises PermanentError."""
        steps: list[PlannedStep] = []

        def collect(event: automation.EngineEvent) -> None:
            if event.resource_pre_event:
                step = event.resource_pre_event.metadata
                name, changes = step.urn.rpartition("::")[2], tuple(step.diffs or ())
                steps.append(PlannedStep(str(step.op.value), step.type, name, changes))

        with translate_errors("a preview"):
            self._open(program).preview(on_event=collect, suppress_outputs=True)
        return tuple(steps)

    def up(self, program: Callable[[], None], message: str) -> None:
        """Runs `pulumi up` with this program; its output goes to the terminal as it comes. Raises PermanentError."""
        with translate_errors("`pulumi up`"):
            self._open(program).up(message=message, on_output=show, color="never")

    def _open(self, program: Callable[[], None]) -> automation.Stack:
        project = self._stack.workspace.project_settings().name
        with translate_errors("opening the stack"):
            return automation.select_stack(self.name, project_name=project, program=program, work_dir=self._folder)

    def export(self) -> dict[str, Any]:
        """Returns the deployment (state) as `pulumi stack export` gives it. Raises PermanentError."""
        with translate_errors("reading the state"):
            exported = self._stack.export_stack()
            return {"version": exported.version, "deployment": exported.deployment}

    def replace_state(self, state: Mapping[str, Any]) -> None:
        """Replaces the deployment (state) by one that `export` returned, changed or not. Raises PermanentError."""
        with translate_errors("writing the state"):
            deployment = automation.Deployment(version=int(state["version"]), deployment=dict(state["deployment"]))
            self._stack.import_stack(deployment)


def parse_values(config: Mapping[str, automation.ConfigValue]) -> dict[str, ConfigValue]:
    return {key: ConfigValue(value.value, bool(value.secret)) for key, value in config.items()}


def is_container(text: str) -> bool:
    """Tells whether the text is a JSON object or list."""
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def show(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()
