"""Ctrl-C: the first stops what can be stopped, the second gives up at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from sandbox.standins.engine.deployment.step_runner import StepRunner
from sandbox.standins.engine.errors import CANCELLED
from sandbox.standins.engine.providers.registry import Registry

NOTICE = """^C received; cancelling. If you would like to terminate immediately, press ^C again.
Note that terminating immediately may lead to orphaned resources and other inconsistencies."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """`die` says what is left and unlocks; after it the process ends with exit code 8."""

    def __init__(self, runner: StepRunner, registry: Registry, die: Callable[[], None]) -> None:
        self._runner, self._registry, self._die = runner, registry, die
        self.received = 0.0
        """When the first one came (monotonic seconds); 0 before it."""

    @contextmanager
    def caught(self) -> Generator[None, None, None]:
        before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        # A handler interrupts the main thread wherever it is, perhaps with a lock of the display held.
        threading.Thread(target=self._react, args=(self.received,)).start()
        self.received = self.received or time.monotonic()

    def _react(self, received: float) -> None:
        if received:
            self._die()
            print("error: update cancelled", file=sys.stderr, flush=True)
            os._exit(CANCELLED)
        self._runner.stop()
        print(NOTICE, file=sys.stderr, flush=True)
        for service in self._registry.services:
            threading.Thread(target=service.cancel, daemon=True).start()
