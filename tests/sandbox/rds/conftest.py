"""A gateway of its own for each test module."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.machine.layout import Layout
from tests.support.sandbox.rds_gateway import Maker, Sandbox


@pytest.fixture(scope="module")
def make_sandbox() -> Iterator[Maker]:
    made: list[Sandbox] = []

    def make(pace: float = 0.0) -> Sandbox:
        folder = Path(tempfile.mkdtemp(prefix="rds-"))
        folder.chmod(0o755)
        sandbox = Sandbox(Layout.at(folder), pace)
        made.append(sandbox)
        sandbox.start()
        return sandbox

    yield make
    for sandbox in made:
        sandbox.remove()


@pytest.fixture(scope="module")
def sandbox(make_sandbox: Maker) -> Sandbox:
    return make_sandbox()
