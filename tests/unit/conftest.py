"""A unit test proves nothing of what a disk keeps: waiting for one takes a tenth of the time of all."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True, scope="session")
def unflushed_files() -> Generator[None]:
    """Has `os.fsync` return at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        yield
