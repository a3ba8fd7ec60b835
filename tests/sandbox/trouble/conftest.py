"""A gateway alone for the troubles of databases and account; a whole sandbox for those of cluster and applications."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.application import names
from sandbox.machine.layout import CHECKOUT, Layout
from sandbox.trouble import catalogue
from sandbox.trouble.stage import Stage
from tests.support.sandbox.rds_gateway import Sandbox

Playing = Callable[..., Any]


@contextmanager
def short_folder() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sbx-"))  # paths of sockets are short
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def played(layout: Layout, name: str, instance: str = names.INSTANCE) -> Generator[Stage]:
    """A trouble for as long as the block lasts."""
    catalogue.play(layout, name, instance)
    try:
        yield Stage(layout, instance)
    finally:
        catalogue.end(layout, name)


@dataclass(frozen=True)
class Whole:
    """A sandbox with its application."""

    layout: Layout

    @property
    def stage(self) -> Stage:
        return Stage(self.layout)

    def run(self, *words: str) -> str:
        argv = [sys.executable, "-m", "sandbox", *words, "--dir", str(self.layout.root)]
        done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def whole() -> Iterator[Whole]:
    """With few pods: they roll in half the time."""
    with short_folder() as folder:
        sandbox = Whole(Layout.at(folder / "s"))
        sandbox.run("up", "--project", str(folder))
        try:
            for app in names.DEPLOYMENTS.keys() - {"indexer"}:
                sandbox.stage.kube.scale(app, names.NAMESPACE, 1)
            yield sandbox
        finally:
            sandbox.run("down", "--purge")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """AWS with an instance `prod` whose master password is kept as the application's team keeps it."""
    with short_folder() as folder:
        sandbox = Sandbox(Layout.at(folder))
        sandbox.start()
        try:
            yield sandbox
        finally:
            sandbox.remove()
