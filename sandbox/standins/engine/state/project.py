"""Pulumi.yaml: found upwards from the working directory, read, and refused where it asks for what isn't served."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value, as_object
from sandbox.standins.engine.state import config_schema
from sandbox.standins.engine.state.files import read_yaml

KEYS = {
    "name",
    "runtime",
    "description",
    "author",
    "website",
    "license",
    "main",
    "config",
    "backend",
    "plugins",
    "requiredPulumiVersion",
}
RUNTIME_OPTIONS = {"virtualenv": None, "toolchain": "pip", "typechecker": "none"}
PLUGIN_KEYS = {"name", "path", "version"}


@dataclass(frozen=True)
class PluginPath:
    """A provider of the `plugins:` block: a folder instead of PATH, for any version or exactly one."""

    folder: Path
    version: str = ""


def refuse_unknown(file: Path, where: str, content: Mapping[str, Value], keys: set[str]) -> None:
    if extra := sorted(set(content) - keys):
        raise Problem(f"could not validate '{file}': {where}{extra[0]} is not served by the stand-in engine")


class Project:
    """One Pulumi.yaml. Raises Problem when there is none, or when it holds what this engine doesn't serve."""

    def __init__(self, directory: str = ".") -> None:
        start = Path(directory).resolve()
        names = ("Pulumi.yaml", "Pulumi.yml")
        files = [d / n for d in (start, *start.parents) for n in names if (d / n).exists()]
        if not files:
            raise Problem(
                f"no Pulumi.yaml project file found (searching upwards from {start}). If you have not created a "
                "project yet, use `pulumi new` to do so"
            )
        self.file, self.root = files[0], files[0].parent
        self.data = read_yaml(self.file)
        refuse_unknown(self.file, "", self.data, KEYS)
        if not self.data.get("name"):
            raise Problem(f"could not validate '{self.file}': project is missing a 'name' attribute")
        self.name = str(self.data["name"])
        self.required_version = str(self.data.get("requiredPulumiVersion") or "")
        self._check_runtime()

    def _check_runtime(self) -> None:
        runtime = self.data.get("runtime")
        named = runtime.get("name") if isinstance(runtime, dict) else runtime
        if named != "python":
            raise Problem(f"runtime {named!r} is not served: the stand-in engine runs Python programs only")
        for key, value in self._options.items():
            if key not in RUNTIME_OPTIONS or RUNTIME_OPTIONS[key] not in (None, str(value).lower()):
                raise Problem(f"runtime option {key}: {value} is not served by the stand-in engine")

    @property
    def _options(self) -> Props:
        runtime = self.data.get("runtime")
        return as_object(runtime.get("options")) if isinstance(runtime, dict) else {}

    @property
    def main(self) -> Path:
        """The program: a folder with `__main__.py`, or a file."""
        return self.root / str(self.data.get("main") or "")

    @property
    def python(self) -> str:
        """The interpreter of the program: that of `virtualenv`, otherwise the one that runs this engine."""
        virtualenv = self._options.get("virtualenv")
        if not virtualenv:
            return sys.executable
        python = self.root / str(virtualenv) / "bin" / "python"
        if not python.exists():
            raise Problem(
                f"The 'virtualenv' option in Pulumi.yaml is set to {virtualenv!r}, but {str(python.parent.parent)!r} "
                "doesn't appear to be a virtual environment."
            )
        return str(python)

    @property
    def backend_url(self) -> str:
        return str(as_object(self.data.get("backend")).get("url") or "")

    @cached_property
    def declarations(self) -> list[config_schema.Declaration]:
        return config_schema.declarations(str(self.file), self.name, as_object(self.data.get("config")))

    @cached_property
    def plugins(self) -> dict[str, PluginPath]:
        """Providers whose folder the project names, by package."""
        block = as_object(self.data.get("plugins"))
        refuse_unknown(self.file, "plugins.", block, {"providers"})
        entries = block.get("providers")
        paths: dict[str, PluginPath] = {}
        for entry in map(as_object, entries if isinstance(entries, list) else []):
            refuse_unknown(self.file, "plugins.providers.", entry, PLUGIN_KEYS)
            folder = self.root / str(entry.get("path"))
            paths[str(entry.get("name"))] = PluginPath(folder, str(entry.get("version") or ""))
        return paths
