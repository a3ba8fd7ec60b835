"""Pulumi.<stack>.yaml is read and written as it is, with values that the SDK's own reader fails on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from restore.errors import PermanentError
from restore.pulumi_stack import stack_file

TEXT = """\
encryptionsalt: v1:abc
config:
  aws:skipMetadataApiCheck: true
  restore:id: inc-1
  restore:retention: 7
"""


def test_values_are_set_and_all_else_stays(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(TEXT)
    stack_file.write_values(stack_file.find(tmp_path, "acme/restore/prod"), {"restore:apps": {"api": {}}})
    settings = stack_file.read(file)
    assert settings["encryptionsalt"] == "v1:abc"
    assert settings["config"] == {
        "aws:skipMetadataApiCheck": True,
        "restore:id": "inc-1",
        "restore:retention": 7,
        "restore:apps": {"api": {}},
    }
    assert [item.name for item in tmp_path.iterdir()] == [file.name]


def test_a_stack_without_a_file_gets_one(tmp_path: Path) -> None:
    stack_file.write_values(stack_file.find(tmp_path, "prod"), {"restore:apps": ["a"]})
    assert stack_file.read(tmp_path / "Pulumi.prod.yaml") == {"config": {"restore:apps": ["a"]}}


def test_a_file_in_json_stays_json(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.json"
    file.write_text('{"config": {"restore:id": "inc-1"}}')
    stack_file.write_values(stack_file.find(tmp_path, "prod"), {"restore:apps": {}})
    assert json.loads(file.read_text()) == {"config": {"restore:id": "inc-1", "restore:apps": {}}}


def test_a_broken_file_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.prod.yaml").write_text("config: [")
    with pytest.raises(PermanentError, match=r"Pulumi\.prod\.yaml"):
        stack_file.read(tmp_path / "Pulumi.prod.yaml")
