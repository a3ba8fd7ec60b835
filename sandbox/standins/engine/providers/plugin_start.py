"""Finding provider plugins, and starting them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from sandbox.standins.engine.errors import Refusal
from sandbox.standins.engine.providers.plugin_client import Plugin, Report
from sandbox.standins.engine.state.project import PluginPath


@dataclass(frozen=True)
class Plugins:
    """Where providers are looked for: the project's `plugins:`, a running one that is being debugged, PATH."""

    folders: dict[str, PluginPath]
    engine_address: str
    report: Report

    def start(self, package: str, version: str) -> Plugin:
        """Raises Refusal where there is none, or where it doesn't start."""
        if port := _debugged(package):
            return Plugin(package, port, None, self.report)
        executable = self._executable(package, version)
        process = _spawn(executable, self.engine_address)
        port = cast(IO[str], process.stdout).readline().strip()
        if not port.isdigit():
            process.kill()
            said = port + process.communicate()[1]
            raise Refusal(f"pulumi-resource-{package} did not print a port: {said.strip()}")
        plugin = Plugin(package, int(port), process, self.report)
        plugin.expect_version(version)
        return plugin

    def _executable(self, package: str, version: str) -> Path:
        name = f"pulumi-resource-{package}"
        missing = f"no resource plugin '{name}' found in the workspace" + (f" at version v{version}" if version else "")
        named = self.folders.get(package)
        if named:
            if named.version not in ("", version):
                raise Refusal(missing)
            if not (named.folder / name).exists():
                raise Refusal(f"{missing}: plugins.providers names {named.folder}, where there is none")
            return named.folder / name
        if os.environ.get("PULUMI_IGNORE_AMBIENT_PLUGINS") == "true":
            raise Refusal(missing)
        program = shutil.which(name)
        if not program:
            raise Refusal(f"{missing} or on your $PATH")
        self.report("warning", f"using {name} from $PATH at {program}")
        return Path(program)


def _spawn(executable: Path, engine_address: str) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            [str(executable), engine_address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise Refusal(f"could not start {executable}: {error}") from error


def _debugged(package: str) -> int:
    """The port of a provider that PULUMI_DEBUG_PROVIDERS (`aws:1234,...`) says is running already."""
    for entry in os.environ.get("PULUMI_DEBUG_PROVIDERS", "").split(","):
        name, _, port = entry.partition(":")
        if name == package and port.isdigit():
            return int(port)
    return 0
