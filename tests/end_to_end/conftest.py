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
class Held:
    """The worker's sandbox, from its first test here to its last: at rest it would slow the others."""

    factory: pytest.TempPathFactory
    sandbox: Sandbox | None = None

    def get(self) -> Sandbox:
        self.sandbox = self.sandbox or Sandbox(self.factory.mktemp("sandbox") / "state")
        return self.sandbox

    def stop(self) -> None:
        if self.sandbox:
            self.sandbox.stop()
            self.sandbox = None


HELD = pytest.StashKey[Held]()


@pytest.fixture(scope="session")
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    one = request.session.stash[HELD] = Held(tmp_path_factory)
    yield one
    one.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """The sandbox ends with the worker's last test here; should one more come, another begins."""
    try:
        return (yield)
    finally:
        if (nextitem is None or HERE not in nextitem.path.parents) and HELD in item.session.stash:
            item.session.stash[HELD].stop()


@pytest.fixture
def sandbox(held: Held) -> Sandbox:
    return held.get()


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
