"""One stack of a backend: its settings, checkpoint, history and lock."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import cast

from sandbox.standins.engine import VERSION
from sandbox.standins.engine.errors import Problem
from sandbox.standins.engine.property_values import Props, Value, as_object, parse_json
from sandbox.standins.engine.state.bucket import Bucket
from sandbox.standins.engine.state.environments import read_environments
from sandbox.standins.engine.state.files import now
from sandbox.standins.engine.state.passphrase_secrets import Crypter
from sandbox.standins.engine.state.project import Project
from sandbox.standins.engine.state.resource import Resource
from sandbox.standins.engine.state.stack_settings import Entry, StackSettings
from sandbox.standins.engine.urns import STACK

OWN = ("manifest", "secrets_providers")


class Stack:
    def __init__(self, bucket: Bucket, project: Project, name: str, config_file: Path | None = None) -> None:
        self._bucket, self.project, self.name = bucket, project, name
        self._checkpoint = f"stacks/{project.name}/{name}.json"
        self.settings = StackSettings(project, config_file or project.root / f"Pulumi.{name}.yaml", self._imported)

    def _imported(self, names: Value) -> Props:
        return read_environments(self._bucket, names, lambda text: self.crypter.encrypt(text))

    @property
    def exists(self) -> bool:
        return self._bucket.exists(self._checkpoint)

    @cached_property
    def crypter(self) -> Crypter:
        salt = self.settings.salt
        if not salt and self.exists:
            provider = as_object(self.load().get("secrets_providers"))
            salt = str(as_object(provider.get("state")).get("salt") or "")
        return Crypter(salt or None)

    def config(self, reveal: bool = True) -> dict[str, Entry]:
        return self.settings.all(self.crypter if reveal else None)

    # Checkpoint

    def load(self) -> Props:
        """The deployment as it is written, secrets sealed. Raises Problem for a file that is damaged."""
        where = self._bucket.describe(self._checkpoint)
        try:
            document = as_object(parse_json(self._bucket.read(self._checkpoint)))
        except ValueError as error:
            raise Problem(f"the checkpoint {where} is damaged: {error}") from error
        deployment = as_object(as_object(document.get("checkpoint")).get("latest"))
        manifest = as_object(deployment.get("manifest"))
        version, magic = str(manifest.get("version", "")), manifest.get("magic", "")
        if magic and magic != _magic(version):
            raise Problem(f"the checkpoint {where} is damaged: its magic cookie doesn't match its version")
        return deployment

    def resources(self) -> list[Resource]:
        """The resources of the checkpoint, secrets opened."""
        resources = self.crypter.opened(self.load().get("resources") or [])
        return [Resource.from_json(as_object(r)) for r in cast(list[Value], resources)]

    def save(self, deployment: Props) -> None:
        """Keeps a deployment as the latest; the one before it stays as `.bak`."""
        body = {k: self.crypter.sealed(v) for k, v in deployment.items() if k not in OWN}
        document = {
            "version": 3,
            "checkpoint": {
                "stack": f"organization/{self.project.name}/{self.name}",
                "latest": {
                    "manifest": {"time": now(), "magic": _magic(f"v{VERSION}"), "version": f"v{VERSION}"},
                    "secrets_providers": {"type": "passphrase", "state": {"salt": self.crypter.salt}},
                    **body,
                },
            },
        }
        if self.exists:
            self._bucket.write(self._backup, self._bucket.read(self._checkpoint))
        self._bucket.write(self._checkpoint, json.dumps(document, separators=(",", ":"), ensure_ascii=False))

    @property
    def _backup(self) -> str:
        return f"{self._checkpoint}.bak"

    def outputs(self) -> Props:
        for resource in map(as_object, cast(list[Value], self.load().get("resources") or [])):
            if resource.get("type") == STACK:
                return as_object(self.crypter.opened(as_object(resource.get("outputs"))))
        return {}

    def remove(self) -> None:
        for name in (self._checkpoint, self._backup):
            self._bucket.delete(name)

    # History

    @property
    def _history(self) -> str:
        return f"history/{self.project.name}/{self.name}"

    def record(self, update: Props) -> None:
        """Adds an update to the history, with the checkpoint that it left."""
        base = f"{self._history}/{self.name}-{time.time_ns()}"
        checkpoint = self._bucket.read(self._checkpoint)
        self._bucket.write(f"{base}.history.json", json.dumps(update, separators=(",", ":"), ensure_ascii=False))
        self._bucket.write(f"{base}.checkpoint.json", checkpoint)
        self._bucket.write(f"backups/{self.project.name}/{self.name}/{self.name}.{time.time_ns()}.json", checkpoint)

    def history(self) -> list[Props]:
        """Past updates, the latest first."""
        names = [name for name in self._bucket.names(self._history) if name.endswith(".history.json")]
        return [as_object(parse_json(self._bucket.read(name))) for name in reversed(names)]

    # Lock

    @property
    def _locks(self) -> str:
        return f"locks/organization/{self.project.name}/{self.name}"

    @contextlib.contextmanager
    def lock(self) -> Generator[None, None, None]:
        """Holds the stack for one operation. Raises Problem, naming the holders, when others do."""
        mine = f"{self._locks}/{uuid.uuid4()}.json"
        self._refuse_others(mine)
        holder = {
            "pid": os.getpid(),
            "username": getpass.getuser(),
            "hostname": socket.gethostname(),
            "timestamp": now(),
        }
        self._bucket.write(mine, json.dumps(holder))
        try:
            self._refuse_others(mine)
            self._held = mine
            yield
        finally:
            self._bucket.delete(mine)

    _held = ""

    def unlock(self) -> None:
        """Gives the lock up at once: for an operation that is about to end without coming back."""
        if self._held:
            self._bucket.delete(self._held)

    def _refuse_others(self, mine: str) -> None:
        others = [name for name in self._bucket.names(self._locks) if name != mine]
        if not others:
            return
        lines = [
            f"the stack is currently locked by {len(others)} lock(s). Either wait for the other process(es) to end or "
            "delete the lock file with `pulumi cancel`."
        ]
        for name in others:
            with contextlib.suppress(OSError, ValueError):
                held = json.loads(self._bucket.read(name))
                who = "created by {username}@{hostname} (pid {pid}) at {timestamp}".format(**held)
                lines.append(f"  {self._bucket.describe(name)}: {who}")
        raise Problem("\n".join(lines))

    def break_locks(self) -> None:
        for name in self._bucket.names(self._locks):
            self._bucket.delete(name)


def _magic(version: str) -> str:
    """The cookie by which the Pulumi CLI knows that a checkpoint is whole."""
    return hashlib.sha256(version.encode()).hexdigest()
