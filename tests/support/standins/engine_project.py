"""A project of its own for the stand-in engine, run as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.machine.layout import CHECKOUT

ENGINE = CHECKOUT / "sandbox" / "standins" / "engine" / "bin"
PLUGINS = CHECKOUT / "tests" / "standins" / "parity" / "scenarios" / "plugin"
PROGRAM = """
import pulumi
config = pulumi.Config()
first = pulumi.Stash("first", input=config.get("first") or "1")
second = pulumi.Stash("second", input=first.input, opts=pulumi.ResourceOptions(protect=config.get_bool("protect")))
pulumi.export("value", first.input)
pulumi.export("hidden", config.get_secret("hidden"))
"""
INSTANCE = """
import pulumi
from pulumi_aws import rds
rds.Instance("db", identifier="db", instance_class="db.t3.micro", skip_final_snapshot=True)
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@dataclass
class Workspace:
    """A folder with a program and a `file://` backend; nothing of the machine's environment reaches it."""

    root: Path

    def __post_init__(self) -> None:
        for name in ("state", "home", "program"):
            (self.root / name).mkdir()
        self.directory = self.root / "program"
        self.env = {
            "PATH": f"{Path(sys.executable).parent}:{ENGINE}:/usr/bin:/bin",
            "HOME": str(self.root / "home"),
            "PULUMI_HOME": str(self.root / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.root}/state",
            "PULUMI_CONFIG_PASSPHRASE": "secret words",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "FAKE_AWS_STORE": str(self.root / "aws.json"),
            "LANG": "C.UTF-8",
        }
        self.write("name: sample\nruntime: python\n", PROGRAM)

    def write(self, project: str, program: str) -> None:
        (self.directory / "Pulumi.yaml").write_text(project)
        (self.directory / "__main__.py").write_text(program)

    def run(self, *words: str, **env: str) -> Result:
        process = subprocess.run(
            ["pulumi", *words],
            cwd=self.directory,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(process.returncode, process.stdout, process.stderr)

    def ok(self, *words: str, **env: str) -> str:
        result = self.run(*words, **env)
        assert result.code == 0, f"{words}: {result.out}{result.err}"
        return result.out

    def up(self, *words: str) -> str:
        return self.ok("up", "--yes", "--skip-preview", *words)

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources of the state, by name."""
        resources = json.loads(self.ok("stack", "export"))["deployment"].get("resources", [])
        return {r["urn"].rpartition("::")[2]: r for r in resources}

    def urn(self, name: str) -> str:
        return self.resources()[name]["urn"]
