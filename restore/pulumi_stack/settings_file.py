"""Pulumi.<stack>.yaml: what the stack's own configuration sets, as against what it imports or has by default.

`pulumi config` and the history show all of it merged (pulumi/pulumi, sdk/go/common/workspace/config.go). The Automation
API's StackSettings drops objects, numbers and the imported environments when it writes the file; here all else of it
stays.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from restore.cutover.rollback import OwnConfig
from restore.errors import PermanentError

ENDINGS = (".yaml", ".yml", ".json")


class _Loader(yaml.SafeLoader):
    """Times stay the text that was written: Pulumi's configuration has no type for them."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (shadows a class attribute of PyYAML)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class SettingsFile:
    """The file of one stack in a project's folder; a stack without one has no configuration of its own."""

    def __init__(self, folder: Path, stack: str, project: str) -> None:
        self._project = project
        paths = [folder / f"Pulumi.{stack}{ending}" for ending in ENDINGS]
        self._path = next((path for path in paths if path.exists()), paths[0])

    def read(self) -> OwnConfig:
        """Returns what the file sets, by full key. Raises PermanentError for a file that can't be read."""
        data = self._load()
        return OwnConfig(
            {self._name_fully(key): value for key, value in _parse_mapping(data.get("config")).items()},
            imports=bool(data.get("environment")),
        )

    @property
    def secrets_provider(self) -> str | None:
        """What seals the stack's secrets, where it isn't the backend's default. Raises as `read`."""
        return self._load().get("secretsprovider")

    def set_objects(self, objects: Mapping[str, Any]) -> None:
        """Writes objects and lists as such: set as text, the typed schema would refuse them. All else stays. Raises as
        `read`, OSError for a folder that can't be written to."""
        data = self._load()
        config = {self._name_fully(key): value for key, value in _parse_mapping(data.get("config")).items()}
        data["config"] = {**config, **objects}
        text = (
            json.dumps(data, indent=4)
            if self._path.suffix == ".json"
            else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        )
        written = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        written.write_text(text, encoding="utf-8")
        written.replace(self._path)

    def _name_fully(self, key: str) -> str:
        return key if ":" in key else f"{self._project}:{key}"

    def _load(self) -> dict[str, Any]:
        try:
            return _parse_mapping(yaml.load(self._path.read_text(encoding="utf-8"), Loader=_Loader))  # noqa: S506
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise PermanentError(f"the stack's file {self._path.name} can't be read: {error}") from error


def _parse_mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
