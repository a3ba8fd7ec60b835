"""The backend: which stacks there are, and which one is selected."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from sandbox.standins.engine import INSTALL
from sandbox.standins.engine.errors import NO_SUCH_STACK, Problem
from sandbox.standins.engine.state.bucket import FILE, S3, Bucket, Folder, S3Bucket
from sandbox.standins.engine.state.files import write
from sandbox.standins.engine.state.project import Project
from sandbox.standins.engine.state.stack import Stack

ORGANIZATION = "organization"
"""The only one outside of Pulumi Cloud (pulumi/pulumi, pkg/backend/diy/store.go)."""


def open_bucket(url: str, project: Project) -> Bucket:
    """The place that a backend's URL names. Raises Problem for one that isn't served."""
    if url.startswith(S3):
        return S3Bucket(url)
    if not url.startswith(FILE):
        raise Problem(
            f"the stand-in engine serves {FILE} backends only, and buckets of a sandbox ({S3}), and PULUMI_BACKEND_URL "
            f"(or backend.url in Pulumi.yaml) is {url or 'not set'}. For any other, {INSTALL}"
        )
    path = Path(url.removeprefix(FILE)).expanduser()
    return Folder(path if path.is_absolute() else project.root / path)


class Backend:
    """A place with checkpoints, history, backups and locks below `.pulumi`."""

    def __init__(self, project: Project) -> None:
        self.url, self.project = os.environ.get("PULUMI_BACKEND_URL") or project.backend_url, project
        self.bucket = open_bucket(self.url, project)
        home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
        digest = hashlib.sha1(str(project.file).encode(), usedforsecurity=False).hexdigest()
        self._selection = home / "workspaces" / f"{project.name}-{digest}-workspace.json"

    def stacks(self) -> list[Stack]:
        names = [name for name in self.bucket.names(f"stacks/{self.project.name}") if name.endswith(".json")]
        return [Stack(self.bucket, self.project, name.rpartition("/")[2].removesuffix(".json")) for name in names]

    @property
    def selected(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            stacks = json.loads(self._selection.read_text()).get("stacks", {})
            return str(stacks.get(self.url, "")).rpartition("/")[2]
        return ""

    def select(self, name: str) -> None:
        stacks = {self.url: f"{ORGANIZATION}/{self.project.name}/{name}"} if name else {}
        write(self._selection, json.dumps({"stacks": stacks}, indent=4))

    def stack(self, name: str = "", config_file: str = "") -> Stack:
        """The named stack, otherwise that of PULUMI_STACK, otherwise the selected one; raises Problem without one."""
        name = self._parse(name or os.environ.get("PULUMI_STACK") or self.selected)
        if not name:
            raise Problem("no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one")
        stack = Stack(self.bucket, self.project, name, Path(config_file) if config_file else None)
        if not stack.exists:
            raise Problem(f"no stack named '{name}' found", NO_SUCH_STACK)
        return stack

    def _parse(self, name: str) -> str:
        """A stack's bare name; raises Problem for another organization or project in front of it."""
        *owners, bare = name.split("/")
        if owners and owners[0] != ORGANIZATION:
            raise Problem("organization name must be 'organization'")
        if len(owners) > 2 or owners[1:] not in ([], [self.project.name]):
            raise Problem(f"the stand-in engine serves stacks of project {self.project.name} only, and {name} is none")
        return bare

    def create(self, name: str) -> Stack:
        stack = Stack(self.bucket, self.project, self._parse(name))
        if stack.exists:
            raise Problem(f"stack 'organization/{self.project.name}/{stack.name}' already exists")
        if not self.bucket.exists("meta.yaml"):
            self.bucket.write("meta.yaml", "version: 1\n")
        if not stack.settings.salt:
            stack.settings.salt = stack.crypter.salt
            stack.settings.save()
        stack.save({"metadata": {}})
        return stack
