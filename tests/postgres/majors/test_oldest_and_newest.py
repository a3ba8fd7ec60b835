"""What is tested on 17 holds on the oldest and the newest major, too: the short part of `make test-majors`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from sandbox.machine.layout import CHECKOUT
from sandbox.postgres.binaries import BIN_VARIABLE
from sandbox.postgres.majors import programs

SHORT = (
    "tests/postgres/validation/test_defects.py::test_nothing_is_reported_on_an_undamaged_database",
    "tests/postgres/dumps/test_equality.py::test_every_kind_of_object_is_loaded_as_psql_loads_it",
)


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm, whose packages have the servers")
@pytest.mark.parametrize("major", [14, 18])
def test_a_sound_database_passes_and_a_dump_of_everything_is_loaded(major: int) -> None:
    folder = programs(major)
    version = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"\b{major}\.\d", version)
    words = [sys.executable, "-m", "pytest", "-q", "-n", "0", *SHORT]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        words, cwd=CHECKOUT, env=variables | {BIN_VARIABLE: str(folder)}, capture_output=True, text=True, check=False
    )
    assert re.search(r"\b2 passed", run.stdout), run.stdout[-4000:] + run.stderr[-2000:]
    assert run.returncode == 0
