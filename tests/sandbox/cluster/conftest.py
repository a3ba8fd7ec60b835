"""A cluster of its own for each module that asks for one, in a short folder (socket paths are short)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.machine.layout import Layout
from tests.support.sandbox.running_cluster import RunningCluster


@pytest.fixture(scope="module")
def folder() -> Iterator[Callable[[], Path]]:
    made: list[Path] = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="sbx-")))
        made[-1].chmod(0o755)
        return made[-1]

    yield make
    for one in made:
        shutil.rmtree(one)


@pytest.fixture(scope="module")
def make_cluster(folder: Callable[[], Path]) -> Iterator[Callable[[], RunningCluster]]:
    made: list[RunningCluster] = []

    def make() -> RunningCluster:
        made.append(RunningCluster(Layout.at(folder())))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[[], RunningCluster]) -> RunningCluster:
    return make_cluster()
