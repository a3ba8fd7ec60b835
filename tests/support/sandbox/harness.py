"""A sandbox for one test worker, and a project for each test: the operator's commands, and what they left."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Container, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psycopg
import yaml

from sandbox.application import database, manifests, names
from sandbox.application.deploy import Application, silent
from sandbox.aws.client import Clients, clients
from sandbox.demo.stage import operator_environment
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.machine.processes import wait_until
from sandbox.runtime import environment
from sandbox.trouble import catalogue
from sandbox.trouble.stage import Played
from validation.connect.target import Target

LINKED = ("restore", "validation", ".venv")
COPIED = ("Pulumi.yaml", "__main__.py")
COMMAND_SECONDS = 240.0
SETTLED = ("available", "failed", "incompatible-restore")
DOWN = ("stopped", "inaccessible-encryption-credentials-recoverable")
WAIVER = re.compile(r"""pulumi config set --plaintext --path ('waive\[.+?\]'|waive\.[a-z-]+) "<reason>\"""")
MOST_WAIVERS = 6
STEP = re.compile(r"^ \S{1,2} +[^\s:]+:\S+ (?P<name>\S+) (?P<done>[a-z]+(?: [a-z]+)?)(?: \(| \[|$)", re.MULTILINE)
"""A line of an update or a preview: symbol, type, name, what is done."""
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Run:
    """How a command ended; `text` is what it printed on both streams, `stdout` what a pipe behind it would read."""

    code: int
    text: str
    stdout: str = ""

    def ok(self) -> Run:
        assert self.code == 0, self.text
        return self

    def failed(self, *parts: str) -> Run:
        """Asserts that it failed with these words, and without a traceback."""
        assert self.code != 0, self.text
        for part in parts:
            assert part in self.text, self.text
        assert "Traceback" not in self.text, self.text
        return self

    @property
    def steps(self) -> list[tuple[str, str]]:
        """What was done to which resource, or would be: `("created", "candidate-inc-1")`."""
        return [(match["done"], match["name"]) for match in STEP.finditer(self.text)]

    @property
    def changes(self) -> str:
        """What the engine counts at the end of an `up`: `+ 2 created`, `16 unchanged`."""
        _, heading, counts = self.ok().text.partition("Resources:")
        assert heading, self.text
        return counts


class Sandbox:
    """One running sandbox; `reset` brings it back to the state in which it started."""

    def __init__(self, root: Path):
        self.layout = Layout.at(root)
        self.start()

    def start(self) -> None:
        self._sandbox("up", "--stack", "unused", "--project", str(self.layout.root.parent))
        self.aws: Clients = clients(self.layout, retries=3)
        self.application = Application(self.layout, silent)
        self.kube = self.application.kube
        self._remember()

    def _remember(self) -> None:
        """The state that `reset` brings back."""
        self.resource_id = self.instance()["DbiResourceId"]
        self.given = self.secret()
        self.deployed = self.applied()

    def stop(self) -> None:
        self._sandbox("down", "--purge")

    def _sandbox(self, *words: str) -> str:
        command = [sys.executable, "-m", "sandbox", *words, "--dir", str(self.layout.root)]
        result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def incident(self) -> dict[str, Any]:
        """Breaks the data; returns what `python -m sandbox incident` tells, once that second can be restored."""
        incident = json.loads(self._sandbox("incident"))
        database.wait_restorable(self.aws, incident["restore_to"])
        return incident

    # AWS

    def instance(self, identifier: str = names.INSTANCE) -> Any:
        return self.aws.rds.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]

    def status(self, identifier: str) -> str:
        return str(self.instance(identifier)["DBInstanceStatus"])

    def instances(self) -> dict[str, str]:
        """DbiResourceId by identifier."""
        instances = self.aws.rds.describe_db_instances()["DBInstances"]
        return {
            instance["DBInstanceIdentifier"]: instance["DbiResourceId"] for instance in cast("list[Any]", instances)
        }

    def stop_instance(self, identifier: str) -> None:
        self.aws.rds.stop_db_instance(DBInstanceIdentifier=identifier)
        wait_until(lambda: self.status(identifier) == "stopped", 60, f"{identifier} to be stopped", 0.1)

    def snapshots(self) -> list[Any]:
        return cast("list[Any]", self.aws.rds.describe_db_snapshots()["DBSnapshots"])

    def admin(self, identifier: str = names.INSTANCE, database: str = names.DATABASE) -> psycopg.Connection[Row]:
        """A connection as the master user, with TLS verified."""
        password = self.aws.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]
        endpoint = self.instance(identifier)["Endpoint"]
        return psycopg.connect(
            host=endpoint["Address"],
            port=endpoint["Port"],
            user=names.MASTER_USER,
            password=password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=str(self.layout.ca),
            application_name="test",
            autocommit=True,
        )

    def target(self) -> Target:
        """The source, for validation, as the master user."""
        password = self.aws.secrets.get_secret_value(SecretId=names.MASTER_SECRET)["SecretString"]
        endpoint = self.instance()["Endpoint"]
        ca = str(self.layout.ca)
        return Target(
            endpoint["Address"], names.DATABASE, names.MASTER_USER, password, endpoint["Port"], sslrootcert=ca
        )

    def ask(self, query: str, identifier: str = names.INSTANCE) -> Row:
        with self.admin(identifier) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row

    # Kubernetes

    def replicas(self) -> dict[str, int]:
        deployments = self.kube.list("Deployment", names.NAMESPACE)
        return {deployment["metadata"]["name"]: deployment["spec"]["replicas"] for deployment in deployments}

    def secret(self) -> dict[str, str]:
        secret = self.kube.get("Secret", names.NAMESPACE, names.SECRET)
        assert secret is not None
        return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}

    @property
    def url(self) -> str:
        return self.secret()[names.SECRET_KEY]

    def put_url(self, url: str) -> None:
        data = {names.SECRET_KEY: base64.b64encode(url.encode()).decode()}
        self.kube.patch("Secret", names.NAMESPACE, names.SECRET, {"data": data})

    def generations(self) -> dict[str, int]:
        """Changes whenever anybody changes what a Deployment should be."""
        deployments = self.kube.list("Deployment", names.NAMESPACE)
        return {deployment["metadata"]["name"]: deployment["metadata"]["generation"] for deployment in deployments}

    def applied(self) -> dict[str, Any]:
        """Of each Deployment, and of the secret: what differs as soon as anybody applied anything to it."""
        deployments = self.kube.list("Deployment", names.NAMESPACE)
        return {
            names.SECRET: self.secret_version(),
            **{deployment["metadata"]["name"]: applied_to(deployment) for deployment in deployments},
        }

    def secret_version(self) -> str:
        secret = self.kube.get("Secret", names.NAMESPACE, names.SECRET)
        assert secret is not None
        return secret["metadata"]["resourceVersion"]

    # Back to the start

    def reset(self) -> None:
        """Candidates and manual snapshots go; an application that anybody touched comes back as its team deploys it.

        So does a source that was deleted or replaced, with rows of its own. Troubles that a test has left on end.
        """
        for name in Played(self.layout).all():
            catalogue.end(self.layout, name)
        self.aws.faults.clear()
        self.aws.post("rights", remove=[])
        self._start_instances()
        replaced = self.instances().get(names.INSTANCE) != self.resource_id
        if moved := replaced or self.applied() != self.deployed:
            for deployment in self.replicas():
                self.kube.delete("Deployment", names.NAMESPACE, deployment)
            self.kube.delete("Secret", names.NAMESPACE, names.SECRET)
        self._remove_instances(() if replaced else (names.INSTANCE,))
        if moved:
            wait_until(lambda: not self._pods(), 60, "the pods to end", 0.1)
        if moved and not replaced:
            # With the password that the automated snapshot knows: a new one would lock the application out of it
            self.kube.create(manifests.secret(self.given[names.SECRET_KEY], self.given["JWT_SECRET"]))
        self.application.deploy()
        self._remember()

    def _start_instances(self) -> None:
        for identifier in self.instances():
            if self.status(identifier) in DOWN:
                self.aws.rds.start_db_instance(DBInstanceIdentifier=identifier)
                wait_until(lambda name=identifier: self.status(name) == "available", 60, f"{identifier} to run", 0.1)

    def _pods(self) -> list[Any]:
        return [pod for pod in self.kube.list("Pod", names.NAMESPACE) if "app" in pod["metadata"].get("labels", {})]

    def _remove_instances(self, but: Container[str]) -> None:
        for identifier in self.instances():
            if identifier not in but:
                self.remove(identifier)
        for retained in self._retained_backups():
            self.aws.rds.delete_db_instance_automated_backup(DbiResourceId=retained["DbiResourceId"])
        wait_until(lambda: not self._retained_backups(), 60, "retained backups to be gone", 0.1)
        for snapshot in self.snapshots():
            if snapshot["SnapshotType"] == "manual" and snapshot["Status"] == "available":
                self.aws.rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot["DBSnapshotIdentifier"])

    def _retained_backups(self) -> list[Any]:
        backups = cast("list[Any]", self.aws.rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"])
        return [backup for backup in backups if backup["Status"] == "retained"]

    def remove(self, identifier: str, *, keep_backups: bool = False) -> None:
        """Deletes an instance, protected or not, without a final snapshot; waits until it is gone."""
        wait_until(lambda: self.status(identifier) in SETTLED, 60, f"{identifier} available", 0.1)
        if self.instance(identifier)["DeletionProtection"]:
            self.aws.rds.modify_db_instance(
                DBInstanceIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True
            )
            wait_until(lambda: not self.instance(identifier)["DeletionProtection"], 30, "no protection", 0.1)
        self.aws.rds.delete_db_instance(
            DBInstanceIdentifier=identifier, SkipFinalSnapshot=True, DeleteAutomatedBackups=not keep_backups
        )
        wait_until(lambda: identifier not in self.instances(), 60, f"{identifier} to be gone", 0.1)


@dataclass
class Project:
    """A project folder with a stack of its own, as an operator has it."""

    sandbox: Sandbox
    folder: Path
    stack: str
    extra: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def at(cls, sandbox: Sandbox, folder: Path, stack: str) -> Project:
        folder.mkdir(parents=True)
        for name in LINKED:
            (folder / name).symlink_to(CHECKOUT / name)
        for name in COPIED:
            shutil.copy(CHECKOUT / name, folder / name)
        (folder / "state").mkdir()
        project = cls(sandbox, folder, stack)
        environment.write_stack(sandbox.layout, folder, stack, fresh=True)
        project.pulumi("stack", "select", "--create", stack).ok()
        project.edit(lambda config: config.update({"restore:evidence": str(folder / "evidence")}))
        return project

    @property
    def variables(self) -> dict[str, str]:
        base = operator_environment(self.sandbox.layout)
        return {**base, "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}", "NO_COLOR": "1", **self.extra}

    def run(self, *words: str) -> Run:
        result = subprocess.run(
            words,
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        return Run(result.returncode, result.stdout + result.stderr, result.stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command in a session of its own; its output goes to `output`."""
        with (self.folder / "output").open("w") as output:
            return subprocess.Popen(
                words, cwd=self.folder, env=self.variables, text=True, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()

    def killed_when(self, holds: Callable[[], bool], what: str, number: signal.Signals = signal.SIGKILL) -> Run:
        """Starts `pulumi up` and sends the CLI a signal once `holds`; waits for its end."""
        process = self.start("pulumi", "up", "--yes", "--skip-preview")
        try:
            wait_until(lambda: holds() or process.poll() is not None, 90, what, 0.05)
            assert process.poll() is None, f"ended before {what}: {self.output}"
            os.kill(process.pid, number)
            return Run(process.wait(60), self.output)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def unlock(self) -> None:
        """After a kill of the CLI: the next run names the lock and the command that clears it."""
        self.up().failed("pulumi cancel")
        self.pulumi("cancel", "--yes").ok()

    def program(self) -> int | None:
        """The pid of this project's running program, whichever engine started it."""
        hosts = ("executor.py", "pulumi-language-python-exec")
        for pid, words in command_lines().items():
            if any(host in words for host in hosts) and working_folder(pid) == self.folder:
                return pid
        return None

    def pulumi(self, *words: str) -> Run:
        return self.run("pulumi", *words)

    def restore(self, *words: str) -> Run:
        """`python -m restore`."""
        return self.run("python", "-m", "restore", *words)

    def preview(self) -> Run:
        return self.pulumi("preview")

    def up(self) -> Run:
        return self.pulumi("up", "--yes", "--skip-preview")

    def up_waiving(self, reason: str) -> list[str]:
        """`pulumi up` as often as it takes, doing what each refusal says about waivers and nothing else; what was
        waived."""
        waived: list[str] = []
        for _ in range(MOST_WAIVERS):
            result = self.up()
            if result.code == 0:
                return waived
            named = [name for name in dict.fromkeys(WAIVER.findall(result.text)) if name not in waived]
            assert named, result.text
            for path in named:
                self.run("sh", "-c", f'pulumi config set --plaintext --path {path} "{reason}"').ok()
            waived += named
        raise AssertionError(f"still shut with {waived}")

    def config(self, **values: str) -> None:
        if len(values) == 1:
            self.pulumi("config", "set", *next(iter(values.items()))).ok()
        else:
            pairs = [f"{key}={value}" for key, value in values.items()]
            self.pulumi("config", "set-all", *(word for pair in pairs for word in ("--plaintext", pair))).ok()

    def unset(self, *keys: str) -> None:
        for key in keys:
            self.pulumi("config", "rm", key).ok()

    def expect(self, change: Mapping[str, Any]) -> None:
        """Changes the expectations of the stack's file, as a team edits them."""
        self.edit(lambda config: config["restore:validation"]["inline"].update(change))

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes the configuration in the stack's file, as an editor does."""
        file = self.folder / f"Pulumi.{self.stack}.yaml"
        content = yaml.safe_load(file.read_text())
        change(content["config"])
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def resources(self) -> list[str]:
        """Types of what the state holds, providers and the stack left out."""
        exported = subprocess.run(
            ["pulumi", "stack", "export"],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        resources = json.loads(exported)["deployment"].get("resources", [])
        types = [str(resource["type"]) for resource in resources]
        return [name for name in types if not name.startswith("pulumi:p")]

    def evidence(self, restore_id: str, gate: str) -> list[dict[str, Any]]:
        """The attempts of a gate, oldest first."""
        folder = self.folder / "evidence" / self.stack / restore_id
        return [json.loads(file.read_text()) for file in sorted(folder.glob(f"*-{gate}.json"))]


def applied_to(deployment: Mapping[str, Any]) -> Any:
    """Its metadata without what its own controller writes along with the status."""
    metadata = deployment["metadata"]
    fields = [entry for entry in metadata.get("managedFields", []) if entry.get("subresource") != "status"]
    return metadata["uid"], metadata["generation"], metadata.get("labels"), fields


def utc_now() -> str:
    """The present whole second, as the key `time` takes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def command_lines() -> dict[int, str]:
    """What every user of this machine can read of every process, by pid."""
    lines: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                lines[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
    return lines


def working_folder(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True)
    except OSError:
        return None


@contextlib.contextmanager
def watched_command_lines() -> Generator[set[str]]:
    """Every command line that was seen meanwhile."""
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            seen.update(command_lines().values())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
