"""Pulumi.<stack>.yaml. The SDK's own reader (pulumi/automation/_stack_settings.py) fails on a value that is a boolean
or a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from restore.errors import PermanentError, Problem

ENDINGS = (".yaml", ".yml", ".json")
"""In the CLI's order."""


def find(folder: Path, stack: str) -> Path:
    """Returns the file of a stack, which may not be there yet."""
    places = [folder / f"Pulumi.{stack.rpartition('/')[2]}{ending}" for ending in ENDINGS]
    return next((place for place in places if place.exists()), places[0])


def read(file: Path) -> dict[str, Any]:
    """Returns what the file says; nothing where there is none. Raises PermanentError for one that can't be read."""
    try:
        content: object = yaml.safe_load(file.read_text()) if file.exists() else {}  # JSON is YAML
    except (OSError, ValueError, yaml.YAMLError) as error:
        fix = "pulumi config (says what is wrong with it)"
        raise PermanentError.of(Problem("stack", f"{file.name}: {error}", "a readable file of it", fix)) from error
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def write_values(file: Path, values: Mapping[str, Any]) -> None:
    """Sets values in the file's config; everything else of it stays."""
    settings = read(file)
    settings["config"] = {**cast("dict[str, Any]", settings.get("config") or {}), **values}
    dumped = json.dumps(settings, indent=4) if file.suffix == ".json" else yaml.safe_dump(settings, sort_keys=False)
    part = file.with_name(f".{file.name}.part")
    part.write_text(dumped)
    part.replace(file)
