"""Waiting that takes no time: what a gate waits for comes with its next read, and its clock has moved on."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest


class SkippedWaits(threading.Event):
    """A stop event. Each wait for it ends at once, and counts as long as it was to last."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None:
            return super().wait()
        self.seconds += 0.0 if self.is_set() else max(timeout, 0.0)
        return self.is_set()


@contextmanager
def skipped_waits() -> Generator[SkippedWaits]:
    """Yields the event; meanwhile `time.monotonic` is ahead by as long as was waited for it."""
    stop, read_clock = SkippedWaits(), time.monotonic
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: read_clock() + stop.seconds)
        yield stop
