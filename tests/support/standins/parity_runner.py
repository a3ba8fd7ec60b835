"""Runs a recorded scenario with one engine, and takes down what the recording holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from sandbox.machine.layout import CHECKOUT
from sandbox.machine.processes import wait_until
from sandbox.standins.engine.state.passphrase_secrets import Crypter
from sandbox.standins.engine.state.project import Project
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.state.stack_settings import StackSettings

SCENARIOS = CHECKOUT / "tests" / "standins" / "parity" / "scenarios"
STAND_IN = CHECKOUT / "sandbox" / "standins" / "engine" / "bin"
PASSPHRASE = "x"
PATIENCE = 240.0
OPERATIONS = ("up", "preview", "destroy", "refresh", "import")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATE_FIELDS = (
    "id",
    "inputs",
    "outputs",
    "protect",
    "retainOnDelete",
    "external",
    "delete",
    "pendingReplacement",
    "initErrors",
    "dependencies",
    "importID",
    "ignoreChanges",
    "resourceHooks",
    "custom",
    "additionalSecretOutputs",
    "aliases",
)
Record = dict[str, Any]


def scenarios() -> list[str]:
    return sorted(folder.name for folder in SCENARIOS.iterdir() if (folder / "steps.json").exists())


def recorded(scenario: str) -> list[Record]:
    """What the real engine did, a record a step; resources that a step left alone are filled in."""
    records: list[Record] = json.loads((SCENARIOS / scenario / "expected.json").read_text())
    last: list[Record] = []
    for record in records:
        if "resources" in record.get("state", {}):
            now = record["state"]["resources"]
            last = [last[int(r[1:])] if isinstance(r, str) else r for r in now]
            record["state"]["resources"] = last
    return records


def steps(scenario: str) -> list[Record]:
    listed: list[Record] = json.loads((SCENARIOS / scenario / "steps.json").read_text())
    return listed


def short(urn: str) -> str:
    parts = urn.split("::")
    return f"{parts[2]}::{parts[3]}" if len(parts) > 3 else urn


def without_ids(value: Any) -> Any:
    return json.loads(UUID.sub("ID", json.dumps(value)))


@dataclass
class Log:
    """A file of JSON lines that grows; `new` is what came since the last time."""

    path: Path
    _read: int = 0

    def new(self) -> list[Record]:
        text = self.path.read_text()[self._read :] if self.path.exists() else ""
        self._read += len(text)
        return [json.loads(line) for line in text.splitlines() if line.strip()]


@dataclass
class Bench:
    """One scenario on one engine, in a folder of its own."""

    scenario: str
    engine: Path
    folder: Path
    env: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.work, self.program = self.folder / "work", self.folder / self.scenario
        (self.work / "state").mkdir(parents=True)
        (self.folder / "home").mkdir()
        shutil.copytree(SCENARIOS / self.scenario, self.program)
        plugins = SCENARIOS / "plugin"
        (self.folder / "plugin").symlink_to(plugins)
        base = f"{Path(sys.executable).parent}:{self.engine}:/usr/bin:/bin"
        self.env = {
            "PATH": f"{plugins}:{base}",
            "BASE_PATH": base,
            "PLUGINS": str(plugins),
            "HOME": str(self.folder / "home"),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.work}/state",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "FAKE_AWS_STORE": f"{self.work}/aws.json",
            "FAKE_AWS_LOG": f"{self.work}/aws.log",
            "FAKE_AWS_MARK": f"{self.work}/mark",
            "HOOK_LOG": f"{self.work}/hooks.log",
            "MARK": f"{self.work}/mark",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
        }
        self._hooks, self._calls = Log(self.work / "hooks.log"), Log(self.work / "aws.log")
        self._crypter: Crypter | None = None
        self._checked("stack", "init", "dev")

    def _checked(self, *words: str) -> None:
        command = ["pulumi", *words, "--non-interactive"]
        result = subprocess.run(command, env=self.env, cwd=self.program, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{command}: {result.stderr}"

    def step(self, step: Record) -> Record:
        """Runs one step; returns its record."""
        env = {**self.env, **{k: str(v) for k, v in step.get("env", {}).items()}}
        for name in step.get("unset", []):
            env.pop(name, None)
        if "rules" in step:
            env["FAKE_AWS_RULES"] = json.dumps(step["rules"])
        self._configure(step.get("config", {}))
        events = self.work / "events.json"
        for stale in (events, Path(env["MARK"])):
            stale.unlink(missing_ok=True)
        status, text, timed_out = self._run(step, env, events)
        record: Record = {"id": step["id"], "rc": status}
        if timed_out:
            record["timed_out"] = True
        if "run" in step:
            record.update(self._events(Log(events).new()))
        else:
            record["lines"] = self._without_paths(text).splitlines()
        record["hooks"] = without_ids(self._hooks.new())
        record["provider"] = without_ids(self._calls.new())
        if step.get("state", True):
            record["state"] = self.state()
        return record

    def _configure(self, config: Record) -> None:
        """Writes the settings file as `pulumi config` would: that command is what 05-config-schema is about."""
        if not config:
            return
        settings = StackSettings(Project(str(self.program)), self.program / "Pulumi.dev.yaml")
        for key, value in config.items():
            if value is None:
                settings.remove(key)
            elif isinstance(value, dict):
                secret: str = cast(Record, value)["secret"]
                settings.set(key, {"secure": self._secrets(settings.salt).encrypt(secret)})
            else:
                settings.set(key, value if isinstance(value, str) else json.dumps(value))
        settings.save()

    def _secrets(self, salt: str) -> Crypter:
        if not self._crypter:
            self._crypter = Crypter(salt, PASSPHRASE)
        return self._crypter

    def _run(self, step: Record, env: dict[str, str], events: Path) -> tuple[int, str, bool]:
        if "run" in step:
            command = ["pulumi", *step["run"]]
            if command[1] in OPERATIONS:
                command += ["--event-log", str(events)]
            command += [] if "--non-interactive" in command else ["--non-interactive"]
        else:
            command = ["bash", "-c", step["sh"]]
        process = subprocess.Popen(
            command,
            env=env,
            cwd=self.program,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_hear_interrupts,
        )
        if "signal" in step:
            self._interrupt(process, step, Path(env["MARK"]))
        try:
            text, _ = process.communicate(timeout=step.get("timeout", PATIENCE))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            return process.returncode, text, True
        return process.returncode, text, False

    def _interrupt(self, process: subprocess.Popen[str], step: Record, mark: Path) -> None:
        wait_until(lambda: mark.exists() or process.poll() is not None, PATIENCE, "the step under way")
        time.sleep(0.3)  # the recording signals a while after the mark: let the work go on
        names: list[str] = [step["signal"]] if isinstance(step["signal"], str) else step["signal"]
        for i, name in enumerate(names):
            if i:
                time.sleep(step.get("signal_gap", 1.0))
            if process.poll() is None:
                number = getattr(signal, f"SIG{name}")
                (os.killpg if step.get("group") else os.kill)(process.pid, number)

    # What is taken down

    def _events(self, events: list[Record]) -> Record:
        record: Record = {"ops": [], "diags": []}
        for event in events:
            for kind, word in (
                ("resourcePreEvent", "start"),
                ("resOutputsEvent", "done"),
                ("resOpFailedEvent", "failed"),
            ):
                if kind in event:
                    data = event[kind]["metadata"]
                    keys = [data["keys"]] if word == "start" and data.get("keys") else []
                    record["ops"].append([word, data["op"], short(data["urn"]), *keys])
            if "diagnosticEvent" in event:
                data = event["diagnosticEvent"]
                if not data.get("ephemeral"):
                    urn = short(data["urn"]) if data.get("urn") else ""
                    record["diags"].append([data["severity"], urn, self._without_paths(data["message"]).strip()])
            if "summaryEvent" in event:
                data = event["summaryEvent"]
                record["summary"] = {
                    "changes": data.get("resourceChanges"),
                    "isPreview": data.get("isPreview"),
                    "result": data.get("result"),
                }
        record["ops"], record["diags"] = without_ids(record["ops"]), without_ids(record["diags"])
        return record

    def _without_paths(self, text: str) -> str:
        text = re.sub(r"<\{%[^%]*%\}>|\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)
        return text.replace(str(self.folder), "$ROOT").replace(str(SCENARIOS), "$ROOT")

    def state(self) -> Record:
        """The checkpoint as the recording has it: URNs short, secrets in clear."""
        file = self.work / "state/.pulumi/stacks" / project_name(self.program) / "dev.json"
        if not file.exists():
            return {"error": True}
        deployment: Record = json.loads(file.read_text())["checkpoint"].get("latest") or {}
        salt: str = deployment.get("secrets_providers", {}).get("state", {}).get("salt")
        opened: Any = self._secrets(salt).opened_as_text(deployment.get("resources") or [])
        resources = [self._resource(resource) for resource in opened]
        begun: list[Record] = deployment.get("pending_operations") or []
        pending = [{"type": p["type"], "res": short(p["resource"]["urn"])} for p in begun]
        state: Record = {"resources": resources}
        if pending:
            state["pending"] = pending
        return without_ids(state)

    def _resource(self, resource: Record) -> Record:
        Resource.from_json({k: v for k, v in resource.items() if k != "stackTrace"})
        kept = {k: resource[k] for k in STATE_FIELDS if resource.get(k) not in (None, [], {})}
        if "dependencies" in kept:
            kept["dependencies"] = [short(urn) for urn in kept["dependencies"]]
        return {"res": short(resource["urn"]), **kept}


def _hear_interrupts() -> None:
    """A shell's background job is born deaf to Ctrl-C; the engines under test must not inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def project_name(program: Path) -> str:
    return (program / "Pulumi.yaml").read_text().partition("name:")[2].split()[0]
