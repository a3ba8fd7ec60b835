"""Files that survive a crash: YAML and JSON read and written whole."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props


class _Loader(yaml.SafeLoader):
    """Times stay the text that was written: Pulumi's configuration has no type for them."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (shadows a class attribute of PyYAML)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def write(path: Path, text: str) -> None:
    """Atomic and durable: a crash leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_yaml(path: Path) -> Props:
    """The mapping in a YAML file; {} when it is absent or empty. Raises Problem when it is neither."""
    try:
        content: Any = yaml.load(path.read_text(), Loader=_Loader)
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise Problem(f"could not unmarshal '{path}': {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Problem(f"could not unmarshal '{path}': expected a mapping")
    return content  # pyright: ignore[reportUnknownVariableType]


def write_yaml(path: Path, data: Props) -> None:
    write(path, yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
