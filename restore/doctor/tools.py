"""The programs and packages of this machine, against what pyproject.toml and Pulumi.yaml ask for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from restore.doctor.finding import Finding, build_ok, from_problem, note
from restore.errors import PermanentError, Problem

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = ("aws", "kubernetes")
SECONDS = 60.0
VERSION = re.compile(r"\d+(?:\.\d+)+")
TOOLS_PAGE = 'docs/doctor.md, "Tools"'


def examine_tools(project: Path, server_version: str | None, *, dumps: bool) -> Iterator[Finding]:
    """Yields what this machine has. `server_version`: the source's, which pg_restore must not be older than."""
    yield examine_pulumi_cli(project)
    yield from (examine_plugin(name) for name in PLUGINS)
    yield examine_packages()
    if dumps:
        yield examine_pg_restore(server_version)


def examine_pulumi_cli(project: Path) -> Finding:
    """Compares the Pulumi CLI on PATH with the version that Pulumi.yaml asks for."""
    required = Version(read_required_pulumi(project))
    what, needed = "Pulumi CLI", f"{required} or later, on PATH"
    fix = TOOLS_PAGE
    try:
        installed = Version(find_version(read_output("pulumi", "version")))
    except (PermanentError, InvalidVersion) as error:
        return from_problem(Problem(what, str(error), needed, fix))
    return (
        build_ok(what, str(installed))
        if installed >= required
        else from_problem(Problem(what, str(installed), needed, fix))
    )


def read_required_pulumi(project: Path) -> str:
    """Returns the least version that Pulumi.yaml asks for."""
    content: Any = yaml.safe_load((project / "Pulumi.yaml").read_text())
    return find_version(str(content["requiredPulumiVersion"]))


def examine_plugin(name: str) -> Finding:
    """Examines the plugin of the installed SDK's very version: it is what the program asks the engine for."""
    what, required = f"plugin {name}", metadata.version(f"pulumi-{name}")
    if program := shutil.which(f"pulumi-resource-{name}"):
        return build_ok(what, f"{Path(program).name} on PATH, which the engine takes whatever its version")
    fix = f"pulumi plugin install resource {name} {required}"
    try:
        listed: list[dict[str, Any]] = json.loads(read_output("pulumi", "plugin", "ls", "--json"))
    except (PermanentError, ValueError) as error:
        return from_problem(Problem(what, str(error), f"{required}, installed", fix))
    versions = [str(item.get("version")) for item in listed if item.get("name") == name]
    if required in versions:
        return build_ok(what, required)
    return from_problem(Problem(what, f"installed: {', '.join(versions) or 'none'}", required, fix))


def examine_packages() -> Finding:
    """Examines the Python packages that pyproject.toml names, in the versions that it allows."""
    what, file = "Python packages", CHECKOUT / "pyproject.toml"
    if not file.is_file():
        return note(what, f"not known: no {file}")
    requirements = [Requirement(text) for text in tomllib.loads(file.read_text())["project"]["dependencies"]]
    wrong = [problem for requirement in requirements if (problem := find_unfit(requirement))]
    if not wrong:
        return build_ok(what, f"{len(requirements)}, in the versions that pyproject.toml allows")
    needed = ", ".join(str(requirement) for requirement in requirements)
    return from_problem(Problem(what, ", ".join(wrong), needed, TOOLS_PAGE))


def find_unfit(requirement: Requirement) -> str | None:
    """Returns what is wrong with the installed package, or None."""
    try:
        installed = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    return None if requirement.specifier.contains(installed, prereleases=True) else f"{requirement.name} {installed}"


def examine_pg_restore(server_version: str | None) -> Finding:
    """Examines pg_restore: archive formats of pg_dump need it, of the dump's version at least (PostgreSQL,
    "pg_restore", Notes)."""
    what, major = "pg_restore", int((server_version or "0").partition(".")[0])
    needed = f"version {major or 'of the dumps'} or later, for dumps in an archive format"
    fix = TOOLS_PAGE
    try:
        installed = find_version(read_output("pg_restore", "--version"))
    except PermanentError as error:
        return from_problem(Problem(what, str(error), needed, fix))
    if int(installed.partition(".")[0]) < major:
        return from_problem(Problem(what, installed, needed, fix))
    return build_ok(what, installed)


def read_output(*command: str) -> str:
    """Returns what a program prints. Raises PermanentError when it isn't there, or fails."""
    program = shutil.which(command[0])
    if program is None:
        raise PermanentError(f"no {command[0]} on PATH")
    try:
        process = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PermanentError(f"{command[0]}: {error}") from error
    if process.returncode:
        first_line = next(iter(process.stderr.strip().splitlines()), "")
        raise PermanentError(f"`{' '.join(command)}` failed: {first_line}")
    return process.stdout


def find_version(text: str) -> str:
    """Returns the first version in a text; the text itself where there is none."""
    match = VERSION.search(text)
    return match[0] if match else text.strip()
