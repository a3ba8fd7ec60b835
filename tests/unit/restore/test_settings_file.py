"""The stack's file keeps all that isn't changed: environments, objects, secrets, and the kind of every value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from restore.errors import PermanentError
from restore.pulumi_stack.settings_file import SettingsFile


def test_what_the_stack_sets_is_told_from_what_it_imports(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text("environment: [common]\nconfig:\n  id: inc-1\n  aws:region: us-east-1\n")
    own = SettingsFile(tmp_path, "prod", "restore").read()
    assert own.values == {"restore:id": "inc-1", "aws:region": "us-east-1"}
    assert own.imports


def test_a_stack_without_a_file_sets_nothing(tmp_path: Path) -> None:
    own = SettingsFile(tmp_path, "prod", "restore").read()
    assert (dict(own.values), own.imports) == ({}, False)


def test_a_file_in_json_stays_json(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.prod.json"
    path.write_text('{"config": {"restore:id": "inc-1"}}')
    SettingsFile(tmp_path, "prod", "restore").set_objects({"restore:waive": {"serving": "known"}})
    assert json.loads(path.read_text())["config"] == {"restore:id": "inc-1", "restore:waive": {"serving": "known"}}


def test_a_damaged_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.prod.yaml"
    path.write_text("config: [\n")
    with pytest.raises(PermanentError, match=r"Pulumi\.prod\.yaml"):
        SettingsFile(tmp_path, "prod", "restore").set_objects({"restore:waive": {}})
    assert path.read_text() == "config: [\n"
