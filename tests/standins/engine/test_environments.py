"""What a stack imports is merged below its own values, and never gets into its own file."""

from __future__ import annotations

import json

import pytest
import yaml

from sandbox.standins.engine.property_values import Value
from sandbox.standins.engine.state.environments import merge
from tests.support.standins.engine_project import Workspace

TEAM = {"first": "imported", "object": {"a": 1, "b": {"c": 2}}, "hidden": {"fn::secret": "hunter2-hunter2"}}


def keep(workspace: Workspace, values: object, name: str = "team") -> None:
    folder = workspace.root / "state" / ".pulumi" / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({"values": {"pulumiConfig": values}}))


def own(workspace: Workspace) -> dict[str, object]:
    return yaml.safe_load((workspace.directory / "Pulumi.dev.yaml").read_text())


@pytest.fixture
def importing(workspace: Workspace) -> Workspace:
    keep(workspace, TEAM)
    file = workspace.directory / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump({**own(workspace), "environment": ["team"]}))
    return workspace


def test_the_program_and_the_history_have_what_is_imported_and_the_file_has_not(importing: Workspace) -> None:
    importing.ok("config", "set", "--path", "object.b.d", "3")
    importing.ok("config", "set", "other", "mine")
    importing.up()
    assert importing.ok("stack", "output", "value").strip() == "imported"
    assert json.loads(importing.ok("config", "get", "object")) == {"a": 1, "b": {"c": 2, "d": 3}}
    past = json.loads(importing.ok("stack", "history", "--json", "--show-secrets"))[0]["config"]
    assert (past["sample:first"]["value"], past["sample:hidden"]["value"]) == ("imported", "hunter2-hunter2")
    file = own(importing)
    assert file["config"] == {"sample:object": {"b": {"d": 3}}, "sample:other": "mine"}
    assert file["environment"] == ["team"]
    state = "".join(path.read_text() for path in (importing.root / "state" / ".pulumi" / "stacks").rglob("*.json"))
    assert "hunter2" not in state


def test_a_later_environment_goes_over_an_earlier_one_and_the_stack_over_both(importing: Workspace) -> None:
    keep(importing, {"first": "later"}, "later")
    file = importing.directory / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump({**own(importing), "environment": ["team", "later"]}))
    assert importing.ok("config", "get", "first").strip() == "later"
    importing.ok("config", "set", "first", "mine")
    assert importing.ok("config", "get", "first").strip() == "mine"


def test_an_environment_that_is_not_there_stops_the_command(importing: Workspace) -> None:
    (importing.root / "state" / ".pulumi" / "environments" / "team.yaml").unlink()
    assert "environment 'team' not found" in importing.run("preview").err


@pytest.mark.parametrize(
    ("imported", "value", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"secure": "x"}, {"a": 1}, {"a": 1}),
        ({"a": 1}, "text", "text"),
        (None, {"a": 1}, {"a": 1}),
    ],
)
def test_objects_are_merged_field_by_field(imported: Value, value: Value, merged: Value) -> None:
    assert merge(imported, value) == merged
