"""A workspace for each test of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.standins.engine_project import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.ok("stack", "init", "dev")
    return made
