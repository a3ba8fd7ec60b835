"""The file backend: which stacks there are, and which one is selected."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from sandbox.standins.engine import INSTALL
from sandbox.standins.engine.errors import NO_SUCH_STACK, Problem
from sandbox.standins.engine.state.files import write
from sandbox.standins.engine.state.project import Project
from sandbox.standins.engine.state.stack import Stack

SCHEME = "file://"


class Backend:
    """A `file://` folder with checkpoints, history, backups and locks below `.pulumi`."""

    def __init__(self, project: Project) -> None:
        url = os.environ.get("PULUMI_BACKEND_URL") or project.backend_url
        if not url.startswith(SCHEME):
            raise Problem(
                f"the stand-in engine serves {SCHEME} backends only, and PULUMI_BACKEND_URL (or backend.url in "
                f"Pulumi.yaml) is {url or 'not set'}. For any other, {INSTALL}"
            )
        path = Path(url.removeprefix(SCHEME)).expanduser()
        self.url, self.project = url, project
        self.root = (path if path.is_absolute() else project.root / path) / ".pulumi"
        home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
        digest = hashlib.sha1(str(project.file).encode(), usedforsecurity=False).hexdigest()
        self._selection = home / "workspaces" / f"{project.name}-{digest}-workspace.json"

    def stacks(self) -> list[Stack]:
        folder = self.root / "stacks" / self.project.name
        return [Stack(self.root, self.project, f.stem) for f in sorted(folder.glob("*.json"))]

    @property
    def selected(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            stacks = json.loads(self._selection.read_text()).get("stacks", {})
            return str(stacks.get(self.url, "")).rpartition("/")[2]
        return ""

    def select(self, name: str) -> None:
        stacks = {self.url: f"organization/{self.project.name}/{name}"} if name else {}
        write(self._selection, json.dumps({"stacks": stacks}, indent=4))

    def stack(self, name: str = "", config_file: str = "") -> Stack:
        """The named stack, otherwise that of PULUMI_STACK, otherwise the selected one; raises Problem without one."""
        name = (name or os.environ.get("PULUMI_STACK") or self.selected).rpartition("/")[2]
        if not name:
            raise Problem("no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one")
        stack = Stack(self.root, self.project, name, Path(config_file) if config_file else None)
        if not stack.exists:
            raise Problem(f"no stack named '{name}' found", NO_SUCH_STACK)
        return stack

    def create(self, name: str) -> Stack:
        stack = Stack(self.root, self.project, name.rpartition("/")[2])
        if stack.exists:
            raise Problem(f"stack 'organization/{self.project.name}/{stack.name}' already exists")
        if not (self.root / "meta.yaml").exists():
            write(self.root / "meta.yaml", "version: 1\n")
        if not stack.settings.salt:
            stack.settings.salt = stack.crypter.salt
            stack.settings.save()
        stack.save({"metadata": {}})
        return stack
