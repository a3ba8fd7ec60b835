"""One sandbox for each test worker; a fresh project for each test, and the sandbox put back after it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.sandbox.harness import Project, Sandbox

HERE = Path(__file__).parent
counter = itertools.count(1)


@dataclass
class WorkerSandbox:
    """The worker's sandbox, from its first test here to its last: at rest it would slow the others.

    One in a folder that was given stays up.
    """

    factory: pytest.TempPathFactory
    folder: Path | None
    sandbox: Sandbox | None = None

    def get(self) -> Sandbox:
        self.sandbox = self.sandbox or Sandbox(self.folder or self.factory.mktemp("sandbox") / "state")
        return self.sandbox

    def stop(self) -> None:
        if self.sandbox and not self.folder:
            self.sandbox.stop()
        self.sandbox = None


WORKER_SANDBOX = pytest.StashKey[WorkerSandbox]()


@pytest.fixture(scope="session")
def worker_sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerSandbox]:
    folder = request.config.getoption("--sandbox-dir")
    kept = request.session.stash[WORKER_SANDBOX] = WorkerSandbox(tmp_path_factory, folder and folder.absolute())
    yield kept
    kept.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """The sandbox ends with the worker's last test here; should one more come, another begins."""
    try:
        return (yield)
    finally:
        if (nextitem is None or HERE not in nextitem.path.parents) and WORKER_SANDBOX in item.session.stash:
            item.session.stash[WORKER_SANDBOX].stop()


@pytest.fixture
def sandbox(worker_sandbox: WorkerSandbox) -> Sandbox:
    return worker_sandbox.get()


@pytest.fixture
def new_project(sandbox: Sandbox, tmp_path: Path) -> Iterator[Callable[[], Project]]:
    """Makes projects with stacks of their own on the worker's sandbox."""

    def make() -> Project:
        number = next(counter)
        return Project.at(sandbox, tmp_path / f"project-{number}", f"e2e-{number}")

    yield make
    sandbox.reset()


@pytest.fixture
def project(new_project: Callable[[], Project]) -> Project:
    return new_project()
