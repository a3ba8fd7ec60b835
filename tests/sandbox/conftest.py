"""One sandbox for each test worker; a fresh project for each test, and the sandbox put back after it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Project, Sandbox

counter = itertools.count(1)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("sandbox") / "state")
    yield made
    made.stop()


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
